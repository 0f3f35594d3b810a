#include "oci/reference.h"

#include <algorithm>

#include "http/url.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

constexpr std::string_view kDefaultHost = "docker.io";
constexpr std::string_view kRegistryScheme = "docker://";
constexpr std::string_view kLayoutScheme = "oci:";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_tag_character(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-'; }

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kTagMax && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, is_tag_character);
}

// Lower-case letters and digits, joined by one dot, one or two underscores, or any number of dashes.
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  for (std::size_t at = 0; at < text.size();) {
    if (is_lower_or_digit(text[at])) {
      ++at;
      continue;
    }
    const auto end = std::min(text.find_first_not_of(text[at], at), text.size());
    const auto run = end - at;
    const bool separator = text[at] == '-' || (text[at] == '.' && run == 1) || (text[at] == '_' && run <= 2);
    if (!separator || !is_lower_or_digit(text[end])) return false;
    at = end;
  }
  return true;
}

bool is_repository(std::string_view text) {
  if (text.size() > kRepositoryMax) return false;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('/', at), text.size());
    if (!is_path_component(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

// docker's rule for telling a host from a folder of docker.io.
bool names_a_host(std::string_view first) {
  return first.find_first_of(".:[") != std::string_view::npos || first == "localhost" ||
         std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
}

Result<LayoutReference> parse_layout(std::string_view text) {
  LayoutReference out{std::string(text), {}};
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos && is_tag(text.substr(colon + 1))) {
    out.folder = text.substr(0, colon);
    out.tag = text.substr(colon + 1);
  }
  if (out.folder.empty() || out.folder.contains('\0')) return make_error(Code::kInvalidArgument, "oci: without a folder");
  return out;
}

}  // namespace

std::string RegistryReference::name() const {
  std::string text = host + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->text();
  return text;
}

Result<RegistryReference> parse_image_name(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kInvalidArgument, "image name \"{}\": {}", text, why);
  };
  RegistryReference out;
  auto rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = ManifestDigest::parse(rest.substr(at + 1));
    if (!out.digest) return refuse("after @ comes sha256: and 64 lower-case hex digits");
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && names_a_host(rest.substr(0, slash))) {
    out.host = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
    if (!http::Url::origin("https", out.host)) return refuse("the host is not host[:port]");
    if (out.host == "index.docker.io") out.host = kDefaultHost;
  } else {
    out.host = kDefaultHost;
  }
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    if (!is_tag(out.tag)) return refuse("the tag after the last colon has at most 128 letters, digits, \"_\", \".\" and \"-\"");
    rest = rest.substr(0, colon);
  }
  if (out.tag.empty() && !out.digest) out.tag = "latest";
  out.repository = rest;
  if (out.host == kDefaultHost && !rest.contains('/')) out.repository = "library/" + out.repository;
  if (!is_repository(out.repository)) return refuse("the repository is lower-case words joined by \"/\", \".\", \"_\" and \"-\"");
  return out;
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.starts_with(kRegistryScheme)) {
    auto image = TRY(parse_image_name(text.substr(kRegistryScheme.size())));
    return Reference(std::move(image));
  }
  if (text.starts_with(kLayoutScheme)) {
    auto layout = TRY(parse_layout(text.substr(kLayoutScheme.size())));
    return Reference(std::move(layout));
  }
  return make_error(Code::kInvalidArgument,
                    "\"{}\": expected docker://host/repo:tag, docker://host/repo@sha256:.. or oci:FOLDER[:tag]", text);
}

std::string describe(const Reference& reference) {
  if (const auto* image = std::get_if<RegistryReference>(&reference)) return std::string(kRegistryScheme) + image->name();
  const auto& layout = std::get<LayoutReference>(reference);
  return std::string(kLayoutScheme) + layout.folder + (layout.tag.empty() ? "" : ":") + layout.tag;
}

}  // namespace zeropull::oci
