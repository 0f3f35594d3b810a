// For tests: compares a mounted image with the tree that it was made of.
#pragma once

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <string>
#include <vector>

#include "erofs/testing/sample_tree.h"
#include "erofs/tree.h"
#include "os/file.h"

namespace zeropull::erofs {

// Compares everything below a mounted directory with the tree; failures name the path.
class TreeComparison {
 public:
  explicit TreeComparison(const Tree& tree) : tree_(tree) {}
  void compare(NodeId node, const std::string& path) {
    SCOPED_TRACE(path.size() < 300 ? path : path.substr(0, 300));
    ++names_;
    struct stat info;
    ASSERT_EQ(lstat(path.c_str(), &info), 0) << errno;
    const Inode inode = tree_.inode(node);
    EXPECT_EQ(info.st_mode, inode.mode);
    EXPECT_EQ(info.st_uid, inode.uid);
    EXPECT_EQ(info.st_gid, inode.gid);
    EXPECT_EQ(info.st_mtim.tv_sec, inode.mtime.seconds);
    EXPECT_EQ(info.st_mtim.tv_nsec, inode.mtime.nanoseconds);
    EXPECT_EQ(info.st_nlink, tree_.link_count(node));
    EXPECT_EQ(inodes_.try_emplace(node, info.st_ino).first->second, info.st_ino) << "names of one inode differ";
    EXPECT_EQ(nodes_.try_emplace(info.st_ino, node).first->second, node) << "two inodes have one number";
    compare_xattrs(inode, path);
    if (inode.is_directory()) {
      compare_children(node, path);
    } else if (inode.is_regular()) {
      EXPECT_EQ(info.st_size, static_cast<off_t>(inode.size));
      compare_contents(inode, path);
    } else if (inode.is_symlink()) {
      std::array<char, PATH_MAX> target;
      const ssize_t size = readlink(path.c_str(), target.data(), target.size());
      ASSERT_GE(size, 0);
      EXPECT_EQ(std::string_view(target.data(), static_cast<std::size_t>(size)), inode.target);
    } else if (inode.is_device()) {
      EXPECT_EQ(major(info.st_rdev), inode.rdev.major);
      EXPECT_EQ(minor(info.st_rdev), inode.rdev.minor);
    }
  }
  std::uint64_t names() const { return names_; }

 private:
  void compare_children(NodeId node, const std::string& path) {
    std::map<std::string, NodeId> expected;
    for (auto [name, child, entry] : tree_.children(node)) expected.emplace(name, child);
    auto names = os::list_folder(path);
    ASSERT_TRUE(names.ok()) << names.error().message();
    ASSERT_EQ(names->size(), expected.size());
    for (const std::string& name : *names) {
      ASSERT_TRUE(expected.contains(name)) << name;
      compare(expected[name], path + "/" + name);
    }
  }

  void compare_xattrs(const Inode& inode, const std::string& path) {
    const ssize_t size = llistxattr(path.c_str(), nullptr, 0);
    ASSERT_GE(size, 0) << errno;
    std::vector<char> list(static_cast<std::size_t>(size));
    ASSERT_EQ(llistxattr(path.c_str(), list.data(), list.size()), size) << errno;
    std::map<std::string, std::string> actual;
    for (const char* name = list.data(); name < list.data() + size; name += std::strlen(name) + 1) {
      std::string value(65536, '\0');
      const ssize_t length = lgetxattr(path.c_str(), name, value.data(), value.size());
      ASSERT_GE(length, 0) << name << " " << errno;
      value.resize(static_cast<std::size_t>(length));
      actual.emplace(name, value);
    }
    std::map<std::string, std::string> expected;
    for (const Xattr& xattr : tree_.xattrs(inode.xattrs)) expected.emplace(xattr.name, xattr.value);
    EXPECT_EQ(actual, expected);
  }

  static void compare_contents(const Inode& inode, const std::string& path) {
    Bytes expected(inode.size);
    auto place = [&](const Extent& extent) {
      for (std::uint64_t i = 0; i < extent.length; ++i) {
        expected[extent.file_offset + i] = blob_byte(inode.data.device, extent.blob_offset + i);
      }
    };
    for (const Extent& extent : inode.data.extents) place(extent);
    if (inode.data.device != 0 && inode.data.extents.empty()) place({0, inode.size, inode.data.blob_offset});
    auto actual = os::read_file(path, inode.size + 1);
    ASSERT_TRUE(actual.ok()) << actual.error().message();
    EXPECT_TRUE(*actual == expected) << "contents differ";
  }

  const Tree& tree_;
  std::uint64_t names_ = 0;
  std::map<NodeId, ino_t> inodes_;
  std::map<ino_t, NodeId> nodes_;
};

}  // namespace zeropull::erofs
