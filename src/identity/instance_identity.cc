#include "identity/instance_identity.h"

#include <algorithm>
#include <array>

#include "identity/limits.h"

namespace zeropull::identity {

namespace {

constexpr std::string_view kPrefix = "zeropull://instance/";

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNamePartMax && is_alphanumeric(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

}  // namespace

Result<void> InstanceIdentity::check() const {
  const bool nobody = account == kNobody && endpoint_uid == kNobody;
  if (!is_name(instance_id) || !(nobody || (is_name(account) && is_name(endpoint_uid)))) {
    return make_error(Code::kInvalidArgument, "account {:?}, endpoint {:?}, instance {:?} name no instance", account,
                      endpoint_uid, instance_id);
  }
  return {};
}

std::string InstanceIdentity::uri() const { return fmt::format("{}{}/{}/{}", kPrefix, account, endpoint_uid, instance_id); }

Result<InstanceIdentity> InstanceIdentity::parse(std::string_view uri) {
  if (!uri.starts_with(kPrefix)) return make_error(Code::kInvalidArgument, "{:?} names no instance", uri);
  std::string_view rest = uri.substr(kPrefix.size());
  std::array<std::string_view, 3> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto end = i + 1 == parts.size() ? rest.size() : std::min(rest.find('/'), rest.size());
    parts[i] = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  InstanceIdentity identity{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
  TRY(identity.check());
  return identity;
}

}  // namespace zeropull::identity
