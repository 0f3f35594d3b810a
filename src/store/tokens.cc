#include "store/tokens.h"

#include <algorithm>

#include "codec/digest.h"
#include "os/file.h"
#include "store/limits.h"

namespace zeropull::store {

namespace {

// The words of a line, at most one more than `count_max`.
std::vector<std::string_view> words_of(std::string_view line, std::size_t count_max) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<std::string_view> words;
  while (words.size() <= count_max) {
    auto begin = line.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    auto end = std::min(line.find_first_of(kSpace), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

Result<TokenGrant> parse_grant(std::string_view access, std::string_view folder) {
  TokenGrant grant;
  if (access != "read" && access != "write")
    return make_error(Code::kInvalidArgument, "access is neither \"read\" nor \"write\"");
  grant.access = access == "write" ? TokenAccess::kWrite : TokenAccess::kRead;
  if (folder == "*") return grant;
  auto name = TRY(ObjectName::parse(folder).with_context("folder"));
  grant.folder = std::move(name);
  return grant;
}

}  // namespace

bool TokenGrant::covers(const ObjectName& name) const { return !folder || name.text().starts_with(folder->text() + "/"); }

Result<Tokens> Tokens::load(const std::string& path) {
  auto info = TRY(os::stat_path(path).with_context("token file"));
  if ((info.st_mode & 07777) != 0600) {
    return make_error(Code::kFailedPrecondition, "token file {} has mode {:04o}: others may read it; run `chmod 0600 {}`", path,
                      info.st_mode & 07777, path);
  }
  auto text = TRY(os::read_text(path, kTokenFileMax).with_context("token file"));
  return parse(text).with_context("token file {}", path);
}

Result<Tokens> Tokens::parse(std::string_view text) {
  constexpr std::size_t kWords = 3;
  Tokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto words = words_of(line, kWords);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words.size() != kWords) return make_error(Code::kInvalidArgument, "line {}: not \"TOKEN read|write FOLDER\"", number);
    if (words[0].size() < kTokenMin || words[0].size() > kTokenMax) {
      return make_error(Code::kInvalidArgument, "line {}: a token has {} to {} characters", number, kTokenMin, kTokenMax);
    }
    auto grant = TRY(parse_grant(words[1], words[2]).with_context("line {}", number));
    tokens.entries_.push_back({codec::sha256(as_bytes(words[0])), std::move(grant)});
  }
  return tokens;
}

std::optional<TokenGrant> Tokens::find(std::string_view token) const {
  Sha256 hash = codec::sha256(as_bytes(token));
  auto found = std::ranges::find(entries_, hash, &Entry::hash);
  if (found == entries_.end()) return std::nullopt;
  return found->grant;
}

}  // namespace zeropull::store
