#include "runtime/image_user.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "os/file.h"
#include "runtime/limits.h"

namespace zeropull::runtime {

namespace {

struct User {
  std::string_view name;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
};
struct Group {
  std::string_view name;
  std::int64_t gid = 0;
  std::vector<std::string_view> members;
};

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    std::size_t end = text.find(by, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Go's strconv.Atoi; nullopt where that fails for syntax, the nearest 64-bit number where it is out of range.
struct GoInteger {
  std::int64_t value = 0;
  bool in_range = true;
};
std::optional<GoInteger> go_atoi(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  GoInteger out;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    out.in_range = false;
    out.value = text.starts_with('-') ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  return out;
}

// A field of a passwd or group line, 0 when absent or no number.
std::int64_t number_at(const std::vector<std::string_view>& fields, std::size_t at) {
  if (at >= fields.size()) return 0;
  return go_atoi(fields[at]).value_or(GoInteger{}).value;
}

// A user or group id of the USER string: runc takes numbers up to 2^31-1; what is no such number is a name.
std::optional<std::uint32_t> parse_id(std::string_view text) {
  auto number = go_atoi(text);
  if (!number || !number->in_range || number->value < 0 || number->value > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(number->value);
}

// nullopt when the image has no such file.
Result<std::optional<std::string>> read_user_file(const os::UniqueFd& root, const std::string& name) {
  auto opened = os::open_at(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, os::Resolve::kInRoot);
  if (!opened.ok() && opened.error().errno_value() == ENOENT) return std::optional<std::string>();
  auto file = TRY(std::move(opened).with_context("open the image's /{}", name));
  auto status = TRY(os::stat_fd(file.get()));
  if (!S_ISREG(status.st_mode)) return make_error(Code::kInvalidArgument, "the image's /{} is no regular file", name);
  auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > kUserFileSizeMax) {
    return make_error(Code::kOutOfRange, "the image's /{} has {} bytes, more than {}", name, size, kUserFileSizeMax);
  }
  std::string text(size, '\0');
  TRY(os::read_exactly_at(file.get(), std::as_writable_bytes(std::span(text)), 0));
  return std::optional(std::move(text));
}

std::optional<User> find_user(std::string_view passwd, const std::function<bool(const User&)>& matches) {
  for (std::string_view raw : split(passwd, '\n')) {
    std::string_view line = trimmed(raw);
    if (line.empty()) continue;
    auto fields = split(line, ':');  // name:password:uid:gid:gecos:home:shell
    User user{.name = fields[0], .uid = number_at(fields, 2), .gid = number_at(fields, 3)};
    if (matches(user)) return user;
  }
  return std::nullopt;
}

void for_each_group(std::string_view groups, const std::function<void(const Group&)>& visit) {
  for (std::string_view raw : split(groups, '\n')) {
    std::string_view line = trimmed(raw);
    if (line.empty() || line[0] == '#') continue;
    auto fields = split(line, ':');  // name:password:gid:member,member
    Group group{.name = fields[0], .gid = number_at(fields, 2), .members = {}};
    if (fields.size() > 3 && !fields[3].empty()) group.members = split(fields[3], ',');
    visit(group);
  }
}

// /etc/passwd and /etc/group of one image, each read at its first use.
class UserFiles {
 public:
  explicit UserFiles(const os::UniqueFd& root) : root_(root) {}

  Result<const std::optional<std::string>*> passwd() { return read(passwd_, "etc/passwd"); }
  Result<const std::optional<std::string>*> group() { return read(group_, "etc/group"); }

  Result<User> user_named(std::string_view name) {
    const auto* text = TRY(passwd());
    std::optional<User> user;
    if (*text) user = find_user(**text, [&](const User& u) { return u.name == name; });
    if (!user) return make_error(Code::kNotFound, "the image's /etc/passwd has no user '{}'", name);
    return *user;
  }

  Result<std::optional<User>> user_numbered(std::uint32_t uid) {
    const auto* text = TRY(passwd());
    std::optional<User> user;
    if (*text) user = find_user(**text, [&](const User& u) { return u.uid == uid; });
    return user;
  }

  Result<std::uint32_t> group_named(std::string_view name) {
    const auto* text = TRY(group());
    std::optional<std::uint32_t> gid;
    if (*text) {
      for_each_group(**text, [&](const Group& g) {
        if (!gid && g.name == name) gid = static_cast<std::uint32_t>(g.gid);
      });
    }
    if (!gid) return make_error(Code::kNotFound, "the image's /etc/group has no group '{}'", name);
    return *gid;
  }

  // The groups that list the user, without the one of the user's own name.
  Result<std::vector<std::uint32_t>> supplemental_groups(std::string_view user) {
    const auto* text = TRY(group());
    std::vector<std::uint32_t> gids;
    if (*text) {
      for_each_group(**text, [&](const Group& g) {
        if (g.name != user && std::ranges::find(g.members, user) != g.members.end()) {
          gids.push_back(static_cast<std::uint32_t>(g.gid));
        }
      });
    }
    return gids;
  }

 private:
  Result<const std::optional<std::string>*> read(std::optional<std::optional<std::string>>& slot, const char* name) {
    if (!slot) {
      slot = TRY(read_user_file(root_, name));
    }
    return &*slot;
  }
  const os::UniqueFd& root_;
  std::optional<std::optional<std::string>> passwd_;  // outer: read yet; inner: there
  std::optional<std::optional<std::string>> group_;
};

Result<ProcessUser> resolve_name_alone(UserFiles& files, const std::string& name) {
  auto uid = parse_id(name);
  if (!uid) {
    auto user = TRY(files.user_named(name));
    return ProcessUser{.uid = static_cast<std::uint32_t>(user.uid), .gid = static_cast<std::uint32_t>(user.gid)};
  }
  auto user = TRY(files.user_numbered(*uid));
  return ProcessUser{.uid = *uid, .gid = user ? static_cast<std::uint32_t>(user->gid) : 0};
}

Result<ProcessUser> resolve_name_and_group(UserFiles& files, std::string_view name, std::string_view group) {
  auto uid = parse_id(name);
  auto gid = parse_id(group);
  ProcessUser out{.uid = uid.value_or(0), .gid = gid.value_or(0)};
  if (!uid && !name.empty()) {
    auto user = TRY(files.user_named(name));
    out.uid = static_cast<std::uint32_t>(user.uid);
  }
  if (!gid && !group.empty()) {
    out.gid = TRY(files.group_named(group));
  }
  return out;
}

// Additional groups are those of the name that the uid has, even where the USER string gave another name of the same uid.
Result<std::vector<std::uint32_t>> additional_groups(UserFiles& files, const std::string& user, std::uint32_t uid) {
  std::string_view name = "root";
  if (!user.empty()) {
    auto numbered = TRY(files.user_numbered(uid));
    if (!numbered) return std::vector<std::uint32_t>();
    name = numbered->name;
  }
  return files.supplemental_groups(name);
}

}  // namespace

Result<ProcessUser> resolve_user(const os::UniqueFd& root, const std::string& user) {
  UserFiles files(root);
  auto parts = split(user, ':');
  ProcessUser out;
  if (user.empty()) {
    out = {};
  } else if (parts.size() == 1) {
    out = TRY(resolve_name_alone(files, user));
  } else if (parts.size() == 2) {
    out = TRY(resolve_name_and_group(files, parts[0], parts[1]));
  } else {
    return make_error(Code::kInvalidArgument, "the image's USER '{}' is not user[:group]", user);
  }
  out.additional_gids = TRY(additional_groups(files, user, out.uid));
  if (std::ranges::find(out.additional_gids, out.gid) == out.additional_gids.end()) {
    out.additional_gids.insert(out.additional_gids.begin(), out.gid);
  }
  return out;
}

}  // namespace zeropull::runtime
