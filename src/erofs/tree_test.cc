#include "erofs/tree.h"

#include <gtest/gtest.h>

namespace zeropull::erofs {
namespace {

TEST(Tree, starts_as_an_empty_root) {
  Tree tree;
  EXPECT_TRUE(tree.is_directory(kRootNode));
  EXPECT_EQ(tree.link_count(kRootNode), 2u);
  EXPECT_EQ(tree.node_count(), 1u);
}

}  // namespace
}  // namespace zeropull::erofs
