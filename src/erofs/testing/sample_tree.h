// For tests: a tree that has one of everything, made in steps that can be taken in any order, and blobs with known contents.
#pragma once

#include <fcntl.h>

#include <array>
#include <climits>
#include <string>
#include <vector>

#include "base/units.h"
#include "erofs/builder.h"
#include "erofs/tree.h"
#include "os/file.h"

namespace zeropull::erofs {

inline std::byte blob_byte(std::uint16_t device, std::uint64_t offset) {
  const std::uint64_t mixed = (offset + 1) * 0x9e3779b97f4a7c15 + device * 0xbf58476d1ce4e5b9;
  return static_cast<std::byte>(mixed >> 56);
}

inline void write_blob(const std::string& path, std::uint16_t device, std::uint64_t size) {
  Bytes bytes(size);
  for (std::uint64_t i = 0; i < size; ++i) bytes[i] = blob_byte(device, i);
  auto fd = MUST(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  MUST(os::write_all(fd.get(), bytes));
}

inline const std::vector<DeviceInfo> kSampleDevices{{.size_bytes = 3 * kMiB}, {.size_bytes = 64 * kKiB}};

inline std::string acl_value() {  // user::rwx user:1000:r-- group::r-- mask::r-- other::---
  constexpr std::array<std::array<unsigned, 3>, 5> kEntries{
      {{1, 7, UINT_MAX}, {2, 4, 1000}, {4, 4, UINT_MAX}, {16, 4, UINT_MAX}, {32, 0, UINT_MAX}}};
  std::string value("\2\0\0\0", 4);
  for (const auto& [tag, permissions, id] : kEntries) {
    std::array<std::byte, 8> entry;
    store_le(entry.data(), static_cast<std::uint16_t>(tag));
    store_le(entry.data() + 2, static_cast<std::uint16_t>(permissions));
    store_le(entry.data() + 4, id);
    value.append(as_text(entry));
  }
  return value;
}

// One step of making a tree: steps that do not depend on one another can be done in any order.
using TreeStep = void (*)(Tree&);

inline NodeId sample_directory(Tree& tree) {
  return MUST(tree.insert(kRootNode, "dir", {.mode = S_IFDIR | 0750, .uid = 5, .mtime = {5, 7}}));
}
inline XattrSetId xattr_set(Tree& tree, std::vector<Xattr> xattrs) { return MUST(tree.intern_xattrs(xattrs)); }

inline const std::vector<TreeStep> kSampleSteps{
    [](Tree& tree) {
      const XattrSetId set = xattr_set(tree, {{"user.root", "1"}, {"trusted.t", "x"}});
      MUST(
          tree.set_attributes(kRootNode, {.mode = S_IFDIR | 01777, .uid = 1, .gid = 2, .mtime = {1700000000, 1}, .xattrs = set}));
    },
    [](Tree& tree) { MUST(tree.insert(kRootNode, "empty", {.mode = S_IFREG | 0644, .mtime = {1, 0}})); },
    [](Tree& tree) {
      MUST(tree.insert(kRootNode, "contiguous",
                       {.mode = S_IFREG | 04755,
                        .uid = 70000,
                        .gid = 80000,
                        .size = 2 * kMiB + 5,
                        .data = {.device = 1, .blob_offset = 4096}}));
    },
    [](Tree& tree) {
      MUST(tree.insert(sample_directory(tree), "small",
                       {.mode = S_IFREG | 0600, .mtime = {(1LL << 33) + 5, 999999999}, .size = 3, .data = {.device = 2}}));
    },
    [](Tree& tree) {
      const std::array<Extent, 3> extents{{{0, 8192, 8192}, {16384, 4096, 4096}, {40960, 100, 20480}}};
      MUST(tree.insert(sample_directory(tree), "sparse",
                       {.mode = S_IFREG | 0644, .size = 41060, .data = {.device = 2, .extents = extents}}));
    },
    [](Tree& tree) { MUST(tree.insert(kRootNode, "hole", {.mode = S_IFREG | 0644, .size = 100000})); },
    [](Tree& tree) { MUST(tree.insert(kRootNode, "link-short", {.mode = S_IFLNK | 0777, .target = "dir/small"})); },
    [](Tree& tree) {
      const std::string target(4095, 'x');
      MUST(tree.insert(kRootNode, "link-long", {.mode = S_IFLNK | 0777, .mtime = {9, 9}, .target = target}));
    },
    [](Tree& tree) {
      const std::string target(4020, 'y');
      MUST(tree.insert(kRootNode, "link-inline", {.mode = S_IFLNK | 0777, .mtime = {9, 9}, .target = target}));
    },
    [](Tree& tree) {
      MUST(tree.insert(kRootNode, "null", {.mode = S_IFCHR | 0666, .rdev = {.major = 1, .minor = 3}}));
      MUST(tree.insert(kRootNode, "disk", {.mode = S_IFBLK | 0660, .rdev = {.major = 4095, .minor = 0xfabcd}}));
    },
    [](Tree& tree) {
      MUST(tree.insert(kRootNode, "fifo", {.mode = S_IFIFO | 0600}));
      MUST(tree.insert(kRootNode, "socket", {.mode = S_IFSOCK | 0755}));
    },
    [](Tree& tree) {
      const XattrSetId set =
          xattr_set(tree, {{"security.capability", std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
                           {"user.empty", ""},
                           {"user.root", "1"}});
      const NodeId node =
          MUST(tree.insert(kRootNode, "hard-1",
                           {.mode = S_IFREG | 0644, .xattrs = set, .size = 4096, .data = {.device = 2, .blob_offset = 12288}}));
      MUST(tree.link(sample_directory(tree), "hard-2", node));
      MUST(tree.link(kRootNode, "!before-the-dots", node));
    },
    [](Tree& tree) {
      const std::string acl = acl_value();
      const XattrSetId acls = xattr_set(tree, {{"system.posix_acl_access", acl}, {"system.posix_acl_default", acl}});
      MUST(tree.insert(kRootNode, "acl", {.mode = S_IFDIR | 0740, .xattrs = acls}));
      std::vector<std::string> names;
      names.reserve(255);
      for (int i = 0; i < 255; ++i) names.push_back(fmt::format("user.{}", i));
      std::vector<Xattr> many;
      many.reserve(names.size());
      for (const std::string& name : names) many.push_back({name, name});
      MUST(tree.insert(kRootNode, "many-xattrs", {.mode = S_IFDIR | 0700, .xattrs = xattr_set(tree, many)}));
    },
    [](Tree& tree) {
      MUST(tree.insert(sample_directory(tree), std::string(255, 'n'), {.mode = S_IFREG | 0644}));
      MUST(tree.insert(sample_directory(tree), "not utf-8 \xff\x01\n", {.mode = S_IFREG | 0644}));
    },
    [](Tree& tree) {
      NodeId at = kRootNode;
      for (int depth = 0; depth < 40; ++depth) at = MUST(tree.insert(at, "deep", {.mode = S_IFDIR | 0755, .mtime = {depth, 0}}));
    },
};

// What would make the golden image large.
inline void add_large_inodes(Tree& tree) {
  const std::array<Extent, 2> extents{{{8192, 16384, 1048576}, {300 * kMiB, 1, 4096}}};  // chunks of 8 KiB
  MUST(tree.insert(kRootNode, "sparse-large",
                   {.mode = S_IFREG | 0644, .size = 300 * kMiB + 1, .data = {.device = 1, .extents = extents}}));
  const std::string value(65535, 'v');
  const std::string name = "user." + std::string(250, 'n');
  const XattrSetId set = xattr_set(tree, {{"user.large", value}, {name, "1"}});
  MUST(tree.insert(kRootNode, "large-xattr", {.mode = S_IFREG | 0644, .xattrs = set}));
}

// Directories whose entries take every number of bytes around a block, and around what fits inline beside the inode.
inline void add_directories_of_all_sizes(Tree& tree) {
  for (unsigned count : {14U, 15U}) {
    for (unsigned length = 1; length <= kNameMax; ++length) {
      const NodeId at = MUST(tree.insert(kRootNode, fmt::format("sizes-{}-{}", count, length), {.mode = S_IFDIR | 0755}));
      for (unsigned i = 0; i < count; ++i) {
        MUST(tree.insert(at, fmt::format("{:0>{}}", i, kNameMax), {.mode = S_IFREG | 0644}));
      }
      MUST(tree.insert(at, std::string(length, 'z'), {.mode = S_IFREG | 0644}));
    }
  }
}

inline Tree sample_tree() {
  Tree tree;
  for (TreeStep step : kSampleSteps) step(tree);
  return tree;
}

}  // namespace zeropull::erofs
