// Tokens: who may do what in a served store. A token file has one line a token, "TOKEN read|write FOLDER", where FOLDER is a
// folder of the store that the token sees and nothing beside it, or * for all; empty lines and lines that begin with # are
// skipped. The file must have mode 0600. Tokens are kept hashed and compared as hashes, so that no answer's time tells how near a
// guess was. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "store/object_name.h"

namespace zeropull::store {

enum class TokenAccess { kRead, kWrite };  // kWrite may read too

struct TokenGrant {
  TokenAccess access = TokenAccess::kRead;
  std::optional<ObjectName> folder;  // everything when absent
  // Whether `name` lies below the folder.
  bool covers(const ObjectName& name) const;
};

class Tokens {
 public:
  static Result<Tokens> load(const std::string& path);
  static Result<Tokens> parse(std::string_view text);  // kInvalidArgument, with the line
  // The grant of a token; nullopt for one that is not known.
  std::optional<TokenGrant> find(std::string_view token) const;

 private:
  struct Entry {
    Sha256 hash;
    TokenGrant grant;
  };
  std::vector<Entry> entries_;
};

}  // namespace zeropull::store
