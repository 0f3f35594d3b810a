// Names of a layer's archive, resolved as containerd 1.6 resolves them before it touches a file: Go's path.Clean, and
// continuity's fs.RootPath (fs/path.go), which follows symlinks inside a root and never leaves it. Both are followed to the
// letter where odd links make a difference, as the tree has to be the same. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::artifact {

// A file tree as path resolution needs it. Node 0 is the root.
class PathTree {
 public:
  virtual ~PathTree() = default;
  enum class Kind { kDirectory, kSymlink, kOther };
  virtual std::optional<std::uint32_t> lookup(std::uint32_t directory, std::string_view name) const = 0;
  virtual Kind kind(std::uint32_t node) const = 0;
  virtual std::string_view target(std::uint32_t symlink) const = 0;
};

// Go's path.Clean: no double slashes, no ".", ".." applied by the text alone; "." for nothing.
std::string clean_path(std::string_view path);
// The names between the slashes.
std::vector<std::string_view> split_path(std::string_view path);

// Where `path` leads with every symlink followed, the last one too: clean, without a slash in front, "" for the root. What is
// missing is kept as text. kInvalidArgument for a loop and for a way through something that is no directory.
Result<std::string> resolve_in_root(const PathTree& tree, std::string_view path);

// The node of a resolved path, nullopt when it is missing; kInvalidArgument when something in front of it is no directory.
Result<std::optional<std::uint32_t>> find_path(const PathTree& tree, std::string_view path);

// A path for an error message: what is no printable ASCII escaped, and long ones cut.
std::string printable_path(std::string_view path);

}  // namespace zeropull::artifact
