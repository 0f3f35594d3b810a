#include "artifact/layer_paths.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "codec/limits.h"

namespace zeropull::artifact {
namespace {

constexpr int kLinksMax = 255;       // continuity's, for a whole path
constexpr int kKernelLinksMax = 40;  // the kernel's, for one lookup
constexpr std::size_t kPrintedMax = 200;

// Go's filepath.Join("/", path).
std::string rooted(std::string_view path) { return clean_path(fmt::format("/{}", path)); }

// Go's filepath.Join(folder, name), which leaves out empty parts.
std::string join(std::string_view folder, std::string_view name) {
  if (folder.empty() && name.empty()) return {};
  if (folder.empty()) return clean_path(name);
  return clean_path(fmt::format("{}/{}", folder, name));
}

Error not_a_directory(std::string_view path) {
  return make_error(Code::kInvalidArgument, "\"{}\" goes through something that is no directory", printable_path(path));
}
Error too_many_links(std::string_view path) {
  return make_error(Code::kInvalidArgument, "\"{}\" goes through too many symbolic links, or a loop of them",
                    printable_path(path));
}

Error too_long(std::string_view path) {
  return make_error(Code::kInvalidArgument, "\"{}\" is longer than {} bytes", printable_path(path), codec::kPathLengthMax);
}

// lstat(2) below the root: links in front of the last name are followed. An absolute one would leave the root, and what the
// host has there is no business of an image: nothing is there.
Result<std::optional<std::uint32_t>> lstat_in(const PathTree& tree, std::string_view path) {
  std::vector<std::string> todo;  // names still to walk, the next one last
  const auto push = [&todo](std::string_view names) {
    const auto parts = split_path(names);
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) todo.emplace_back(*part);
  };
  push(path);
  std::vector<std::uint32_t> at{0};  // the root and the directories below it down to here
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (at.size() == 1) return std::optional<std::uint32_t>();
      at.pop_back();
      continue;
    }
    const auto node = tree.lookup(at.back(), name);
    if (!node) return std::optional<std::uint32_t>();
    if (todo.empty()) return node;
    switch (tree.kind(*node)) {
      case PathTree::Kind::kOther: return not_a_directory(path);
      case PathTree::Kind::kDirectory: at.push_back(*node); break;
      case PathTree::Kind::kSymlink:
        if (++links > kKernelLinksMax) return too_many_links(path);
        if (tree.target(*node).starts_with('/')) return std::optional<std::uint32_t>();
        push(tree.target(*node));
    }
  }
  return std::optional(at.back());
}

// fs.RootPath's inner functions.
struct Walk {
  const PathTree& tree;
  int links = 0;
  // The directory found last: names are walked front to back, and each would be looked up from the root again.
  std::string last_path{};
  std::uint32_t last_node = 0;

  Result<std::optional<std::uint32_t>> lstat(const std::string& path) {
    const auto slash = path.rfind('/');
    const bool follows = std::string_view(path).substr(0, slash) == last_path;
    std::optional<std::uint32_t> node;
    if (follows) {
      node = tree.lookup(last_node, std::string_view(path).substr(slash + 1));
    } else {
      node = TRY(lstat_in(tree, path));
    }
    if (node && tree.kind(*node) == PathTree::Kind::kDirectory) {
      last_path = path;
      last_node = *node;
    }
    return node;
  }

  struct Step {
    std::string path;
    bool is_link;
  };
  Result<Step> walk_link(std::string_view path_text) {
    if (links > kLinksMax) return too_many_links(path_text);
    if (path_text.size() > codec::kPathLengthMax) return too_long(path_text);
    std::string path = rooted(path_text);
    if (path == "/") return Step{std::move(path), false};
    const auto node = TRY(lstat(path));
    if (!node || tree.kind(*node) != PathTree::Kind::kSymlink) return Step{std::move(path), false};
    ++links;
    return Step{std::string(tree.target(*node)), true};
  }

  Result<std::string> walk_links(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) {
      auto step = TRY(walk_link(path));
      return std::move(step.path);
    }
    const std::string_view folder = path.substr(0, slash + 1);
    const std::string_view name = path.substr(slash + 1);
    if (name.empty()) {
      if (folder == "/") return std::string(folder);
      return walk_links(folder.substr(0, slash));
    }
    const std::string new_folder = TRY(walk_links(folder));
    auto step = TRY(walk_link(join(new_folder, name)));
    if (!step.is_link || step.path.starts_with('/')) return std::move(step.path);
    return join(new_folder, step.path);
  }
};

// Whether no symlink is met, and no ".." or file: the text alone says then where the path leads. Almost every path is such.
bool is_free_of_links(const PathTree& tree, std::string_view path) {
  std::optional<std::uint32_t> at = 0;
  for (const std::string_view name : split_path(path)) {
    if (name == "..") return false;
    if (name == "." || !at) continue;
    if (tree.kind(*at) != PathTree::Kind::kDirectory) return false;
    at = tree.lookup(*at, name);
  }
  return !at || tree.kind(*at) != PathTree::Kind::kSymlink;
}

}  // namespace

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const std::string_view part : split_path(path)) {
    if (part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (!absolute) {
      kept.push_back(part);
    }
  }
  std::string clean = absolute ? "/" : "";
  for (const std::string_view part : kept) {
    if (!clean.empty() && clean.back() != '/') clean += '/';
    clean += part;
  }
  return clean.empty() ? "." : clean;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (!part.empty()) parts.push_back(part);
    path.remove_prefix(std::min(part.size() + 1, path.size()));
  }
  return parts;
}

Result<std::string> resolve_in_root(const PathTree& tree, std::string_view path_text) {
  if (is_free_of_links(tree, path_text)) return rooted(path_text).substr(1);
  Walk walk{tree};
  std::string path(path_text);
  for (;;) {
    const int before = walk.links;
    path = TRY(walk.walk_links(path));
    if (path.size() > codec::kPathLengthMax) return too_long(path);  // links can make it so
    if (walk.links != before) continue;
    std::string clean = rooted(path);
    if (clean == path) return clean.substr(1);
    path = std::move(clean);
  }
}

Result<std::optional<std::uint32_t>> find_path(const PathTree& tree, std::string_view path) { return lstat_in(tree, path); }

std::string printable_path(std::string_view path) {
  std::string text;
  for (const char c : path.substr(0, kPrintedMax)) {
    if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"') {
      text += c;
    } else {
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (path.size() > kPrintedMax) fmt::format_to(std::back_inserter(text), "... ({} bytes)", path.size());
  return text;
}

}  // namespace zeropull::artifact
