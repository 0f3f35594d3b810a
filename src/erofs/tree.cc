#include "erofs/tree.h"

#include <limits>

#include "base/check.h"
#include "base/clock.h"

namespace zeropull::erofs {

namespace {

constexpr std::size_t kSlotsAtFirst = 64;

__extension__ typedef unsigned __int128 Wide;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

Tree::Tree() : slots_(kSlotsAtFirst, kNone), hash_seed_(Random::secure().next()) {
  Node root = MUST(make_node({.mode = S_IFDIR | 0755}));
  add_node(root);
}

Result<NodeId> Tree::insert(NodeId directory, std::string_view name, const Inode& inode) {
  CHECK(is_directory(directory));
  TRY(check_name(name));
  TRY(check_inode(inode));
  const EntryId existing = slots_[find_slot(directory, name)];
  if (existing != kNone && inode.is_directory() && is_directory(entries_[existing].node)) {
    const NodeId kept = entries_[existing].node;
    TRY(set_attributes(kept, inode));
    return kept;
  }
  const std::uint32_t text = TRY(name_text(existing, name));
  Node node = TRY(make_node(inode));
  if (existing != kNone) remove_entry(existing);
  const NodeId id = add_node(node);
  add_entry(directory, text, id);
  return id;
}

Result<void> Tree::link(NodeId directory, std::string_view name, NodeId node) {
  CHECK(is_directory(directory));
  TRY(check_name(name));
  if (is_directory(node)) return make_error(Code::kInvalidArgument, "a hard link to a directory");
  const EntryId existing = slots_[find_slot(directory, name)];
  const std::uint32_t text = TRY(name_text(existing, name));
  ++nodes_[node].links;  // holds the node while what had the name goes: it may be the node's only name
  if (existing != kNone) remove_entry(existing);
  --nodes_[node].links;
  add_entry(directory, text, node);
  return {};
}

bool Tree::remove(NodeId directory, std::string_view name) {
  const EntryId entry = slots_[find_slot(directory, name)];
  if (entry == kNone) return false;
  remove_entry(entry);
  return true;
}

void Tree::remove_children(NodeId directory) {
  while (first_child(directory) != kNone) remove_entry(first_child(directory));
}

Result<void> Tree::set_attributes(NodeId node, const Inode& attributes) {
  TRY(check_inode(attributes));
  CHECK(xattr_sets_.has(attributes.xattrs));
  Node& to = nodes_[node];
  if ((attributes.mode & S_IFMT) != (to.mode & S_IFMT)) {
    return make_error(Code::kInvalidArgument, "mode {:o} for an inode of mode {:o}", attributes.mode, to.mode);
  }
  to.mode = attributes.mode;
  to.uid = attributes.uid;
  to.gid = attributes.gid;
  to.mtime_seconds = attributes.mtime.seconds;
  to.mtime_nanoseconds = attributes.mtime.nanoseconds;
  to.xattrs = attributes.xattrs;
  return {};
}

std::optional<NodeId> Tree::lookup(NodeId directory, std::string_view name) const {
  const EntryId entry = slots_[find_slot(directory, name)];
  if (entry == kNone) return std::nullopt;
  return entries_[entry].node;
}

Inode Tree::inode(NodeId node) const {
  const Node& from = nodes_[node];
  Inode inode{.mode = from.mode,
              .uid = from.uid,
              .gid = from.gid,
              .mtime = {from.mtime_seconds, from.mtime_nanoseconds},
              .xattrs = from.xattrs,
              .size = from.size};
  if (inode.is_regular()) {
    inode.data.device = from.device & static_cast<std::uint16_t>(~kSparseFlag);
    if ((from.device & kSparseFlag) != 0) {
      inode.data.extents = std::span(extents_).subspan(from.place.pair.first, from.place.pair.second);
    } else {
      inode.data.blob_offset = from.place.blob_offset;
    }
  } else if (inode.is_symlink()) {
    inode.target = texts_.at(from.place.pair.first);
  } else if (inode.is_device()) {
    inode.rdev = {from.place.pair.first, from.place.pair.second};
  }
  return inode;
}

std::uint32_t Tree::link_count(NodeId node) const { return nodes_[node].links + (is_directory(node) ? 2 : 0); }

NodeId Tree::parent(NodeId directory) const {
  CHECK(is_directory(directory));
  const EntryId own = nodes_[directory].place.pair.second;
  return own == kNone ? kRootNode : entries_[own].directory;
}

std::string_view Tree::name(NodeId directory) const {
  CHECK(is_directory(directory));
  const EntryId own = nodes_[directory].place.pair.second;
  return own == kNone ? std::string_view() : texts_.at(entries_[own].name);
}

Result<Tree::Node> Tree::make_node(const Inode& inode) {
  CHECK(xattr_sets_.has(inode.xattrs));
  Node node{.mode = inode.mode,
            .device = inode.data.device,
            .uid = inode.uid,
            .gid = inode.gid,
            .mtime_nanoseconds = inode.mtime.nanoseconds,
            .mtime_seconds = inode.mtime.seconds,
            .size = inode.size,
            .links = 0,
            .xattrs = inode.xattrs,
            .place = {.blob_offset = inode.data.blob_offset}};
  if (inode.is_directory()) {
    node.place.pair = {kNone, kNone};
  } else if (inode.is_symlink()) {
    const std::uint32_t text = TRY(texts_.add(inode.target));
    node.place.pair = {text, 0};
  } else if (inode.is_device()) {
    node.place.pair = {inode.rdev.major, inode.rdev.minor};
  } else if (!inode.data.extents.empty()) {
    if (extents_.size() + inode.data.extents.size() > std::numeric_limits<std::uint32_t>::max()) {
      return make_error(Code::kResourceExhausted, "the sparse files of the tree have more than 2^32 extents");
    }
    node.device |= kSparseFlag;
    node.place.pair = {static_cast<std::uint32_t>(extents_.size()), static_cast<std::uint32_t>(inode.data.extents.size())};
    extents_.insert(extents_.end(), inode.data.extents.begin(), inode.data.extents.end());
  }
  return node;
}

// A name that is replaced keeps its text.
Result<std::uint32_t> Tree::name_text(EntryId existing, std::string_view name) {
  if (existing != kNone) return entries_[existing].name;
  return texts_.add(name);
}

// Ids cannot run out before the texts do: each inode but the root has a name.
NodeId Tree::add_node(const Node& node) {
  ++node_count_;
  if (free_node_ == kNone) return nodes_.append(node);
  const NodeId id = free_node_;
  free_node_ = nodes_[id].next_free();
  nodes_[id] = node;
  return id;
}

void Tree::add_entry(NodeId directory, std::uint32_t name, NodeId node) {
  if ((std::size_t{entry_count_} + 1) * 4 > slots_.size() * 3) grow_slots();
  ++entry_count_;
  const EntryId first = first_child(directory);
  const Entry entry{.directory = directory, .node = node, .name = name, .next = first, .previous = kNone};
  EntryId id = free_entry_;
  if (id == kNone) {
    id = entries_.append(entry);
  } else {
    free_entry_ = entries_[id].next;
    entries_[id] = entry;
  }
  if (first != kNone) entries_[first].previous = id;
  nodes_[directory].first_child() = id;
  if (is_directory(node)) {
    nodes_[node].own_entry() = id;
    ++nodes_[directory].links;
  } else {
    ++nodes_[node].links;
  }
  slots_[find_slot(directory, texts_.at(name))] = id;
}

void Tree::remove_entry(EntryId entry) {
  std::vector<EntryId> path{entry};  // no recursion: a hostile tree may be deep
  while (!path.empty()) {
    const NodeId node = entries_[path.back()].node;
    const EntryId child = is_directory(node) ? first_child(node) : kNone;
    if (child != kNone) {
      path.push_back(child);
    } else {
      drop_entry(path.back());
      path.pop_back();
    }
  }
}

void Tree::drop_entry(EntryId id) {
  Entry& entry = entries_[id];
  erase_slot(find_slot(entry.directory, texts_.at(entry.name)));
  if (entry.previous == kNone) {
    nodes_[entry.directory].first_child() = entry.next;
  } else {
    entries_[entry.previous].next = entry.next;
  }
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;

  Node& node = nodes_[entry.node];
  const bool directory = is_directory(entry.node);
  if (directory) --nodes_[entry.directory].links;
  if (directory || --node.links == 0) {
    node.next_free() = free_node_;
    free_node_ = entry.node;
    --node_count_;
  }
  entry.next = free_entry_;
  free_entry_ = id;
  --entry_count_;
}

EntryId Tree::first_child(NodeId directory) const {
  CHECK(is_directory(directory));
  return nodes_[directory].place.pair.first;
}

std::uint64_t Tree::hash(NodeId directory, std::string_view name) const {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  std::uint64_t value = mix(hash_seed_ ^ directory, kOdd) ^ name.size();
  const std::byte* bytes = as_bytes(name).data();
  std::size_t left = name.size();
  for (; left >= 8; left -= 8, bytes += 8) value = mix(value ^ load_le<std::uint64_t>(bytes), hash_seed_ | 1);
  std::uint64_t last = 0;
  std::memcpy(&last, bytes, left);
  return mix(value ^ last, kOdd);
}

std::uint32_t Tree::find_slot(NodeId directory, std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash(directory, name) & mask;
  while (slots_[slot] != kNone) {
    const Entry& entry = entries_[slots_[slot]];
    if (entry.directory == directory && texts_.at(entry.name) == name) break;
    slot = (slot + 1) & mask;
  }
  return static_cast<std::uint32_t>(slot);
}

void Tree::grow_slots() {
  std::vector<EntryId> old(slots_.size() * 2, kNone);
  old.swap(slots_);
  for (EntryId id : old) {
    if (id != kNone) slots_[find_slot(entries_[id].directory, texts_.at(entries_[id].name))] = id;
  }
}

// Closes the gap, so that no later entry of the run is cut off from its home slot.
void Tree::erase_slot(std::uint32_t slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t gap = slot;
  for (std::size_t at = (gap + 1) & mask; slots_[at] != kNone; at = (at + 1) & mask) {
    const Entry& entry = entries_[slots_[at]];
    const std::size_t home = hash(entry.directory, texts_.at(entry.name)) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // its home lies behind the gap
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = kNone;
}

}  // namespace zeropull::erofs
