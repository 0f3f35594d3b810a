#include "artifact/layer_merge.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "artifact/layer_paths.h"
#include "artifact/layer_xattrs.h"

namespace zeropull::artifact {
namespace {

// Names through links of a layer can go deeper than one path; no layer that the unpacker takes does by much.
constexpr int kDepthMax = 4096;

class View final : public PathTree {
 public:
  explicit View(const LayerTable& table) : table_(table) {}
  std::optional<std::uint32_t> lookup(std::uint32_t directory, std::string_view name) const override {
    return table_.lookup(directory, name);
  }
  Kind kind(std::uint32_t node) const override {
    const LayerInode inode = table_.inode(node);
    return inode.is_directory() ? Kind::kDirectory : S_ISLNK(inode.mode) ? Kind::kSymlink : Kind::kOther;
  }
  std::string_view target(std::uint32_t symlink) const override { return table_.inode(symlink).target; }

 private:
  const LayerTable& table_;
};

struct Place {  // an inode of a layer
  std::size_t layer;
  LayerNode node;
};

struct Attributes {
  std::uint16_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  erofs::Time mtime;
  XattrMap xattrs;
};

class Merger {
 public:
  Merger(const Context& ctx, std::span<const LayerTable> layers)
      : ctx_(ctx), layers_(layers), links_(layers.size()), sets_(layers.size()) {}

  Result<MergedTree> merge() {
    number_devices();
    std::vector<Place> root;
    for (std::size_t layer = layers_.size(); layer-- > 0;) root.push_back({layer, 0});
    TRY(merge_names(erofs::kRootNode, root, 0));
    return std::move(merged_);
  }

 private:
  void number_devices() {
    for (const LayerTable& layer : layers_) {
      const LayerBlob& blob = layer.blob();
      const auto known = std::ranges::find(merged_.devices, blob.id, &LayerBlob::id);
      devices_.push_back(blob.size == 0 ? 0 : static_cast<std::uint16_t>(known - merged_.devices.begin() + 1));
      if (blob.size > 0 && known == merged_.devices.end()) merged_.devices.push_back(blob);
    }
  }

  struct Name {
    std::string_view text;
    Place place;
  };

  // `folders` are the layers' folders that make up the merged folder `into`, top to bottom.
  Result<void> merge_names(erofs::NodeId into, std::span<const Place> folders, int depth) {
    if (depth > kDepthMax) return make_error(Code::kInvalidArgument, "folders are more than {} deep", kDepthMax);
    TRY(ctx_.check());
    std::vector<Name> names;
    for (const Place& folder : folders) {
      const LayerInode inode = layers_[folder.layer].inode(folder.node);
      for (std::uint32_t number = inode.first_name; number < inode.first_name + inode.name_count; ++number) {
        names.push_back({layers_[folder.layer].name(number), {folder.layer, layers_[folder.layer].node(number)}});
      }
    }
    // Those of one layer are in order; of one name the topmost layer's comes first.
    if (folders.size() > 1) std::ranges::stable_sort(names, {}, &Name::text);
    for (auto name = names.begin(); name != names.end();) {
      const auto end = std::find_if(name, names.end(), [&](const Name& other) { return other.text != name->text; });
      const auto path_size = path_.size();
      path_ += '/';
      path_ += name->text;
      TRY(merge_name(into, std::span(name, end), depth));
      path_.resize(path_size);
      name = end;
    }
    return {};
  }

  // `places` are what the layers have under one name, top to bottom.
  Result<void> merge_name(erofs::NodeId into, std::span<const Name> places, int depth) {
    const Name& top = places.front();
    const LayerInode inode = layers_[top.place.layer].inode(top.place.node);
    if (inode.is_whiteout()) return {};
    if (!inode.is_directory()) return add_file(into, top, inode);

    std::vector<Place> folders;
    for (const Name& name : places) {
      const LayerInode lower = layers_[name.place.layer].inode(name.place.node);
      if (!lower.is_directory()) break;
      folders.push_back(name.place);
      if ((lower.directory_flags & kDirectoryOpaque) != 0) break;
    }
    const Attributes attributes = TRY(directory_attributes(top.place, path_));
    erofs::Inode folder;
    folder.mode = attributes.mode;
    folder.uid = attributes.uid;
    folder.gid = attributes.gid;
    folder.mtime = attributes.mtime;
    folder.xattrs = TRY(intern(attributes.xattrs));
    const auto node = TRY(merged_.tree.insert(into, top.text, folder));
    return merge_names(node, folders, depth + 1);
  }

  Result<void> add_file(erofs::NodeId into, const Name& name, const LayerInode& from) {
    auto& links = links_[name.place.layer];
    if (from.shared) {
      const auto known = links.find(name.place.node);
      if (known != links.end()) return merged_.tree.link(into, name.text, known->second);
    }
    erofs::Inode inode;
    inode.mode = from.mode;
    inode.uid = from.uid;
    inode.gid = from.gid;
    inode.mtime = from.mtime;
    inode.xattrs = TRY(translate_xattrs(name.place.layer, from.xattrs));
    inode.size = from.size;
    if (from.size > 0) {
      inode.data.device = devices_[name.place.layer];
      inode.data.blob_offset = from.blob_offset;
    }
    inode.target = from.target;
    inode.rdev = from.rdev;
    const auto node = TRY(merged_.tree.insert(into, name.text, inode));
    if (from.shared) links.emplace(name.place.node, node);
    return {};
  }

  // What containerd's folder of that layer has at `path`, which is the name of a directory there.
  Result<Attributes> directory_attributes(Place place, std::string_view path) {
    const LayerInode own = layers_[place.layer].inode(place.node);
    Attributes attributes{own.mode, own.uid, own.gid, own.mtime, {}};
    for (const auto& [name, value] : layers_[place.layer].xattrs(own.xattrs)) attributes.xattrs.emplace(name, value);
    if ((own.directory_flags & kDirectoryImplicit) == 0) return attributes;
    auto lower = TRY(find_inherited(place, path));
    if (!lower) return attributes;
    if ((own.directory_flags & kDirectoryExplicit) == 0) std::swap(attributes, *lower);
    attributes.xattrs.merge(lower->xattrs);
    chmod_acl(attributes.mode, attributes.xattrs);
    return attributes;
  }

  // mkparent: the first lower layer that has the name decides, each one's own links followed in it alone. Where a layer has
  // something else on the way containerd fails; here nothing is inherited.
  Result<std::optional<Attributes>> find_inherited(Place place, std::string_view path) {
    for (std::size_t layer = place.layer; layer-- > 0;) {
      const View view(layers_[layer]);
      const auto resolved = resolve_in_root(view, path);
      if (!resolved.ok()) break;
      const auto node = find_path(view, *resolved);
      if (!node.ok()) break;
      if (!node->has_value()) continue;
      if (view.kind(**node) != PathTree::Kind::kDirectory) break;
      Attributes attributes = TRY(directory_attributes({layer, **node}, "/" + *resolved));
      return std::optional(std::move(attributes));
    }
    return std::optional<Attributes>();
  }

  Result<erofs::XattrSetId> intern(const XattrMap& xattrs) {
    std::vector<erofs::Xattr> views;
    for (const auto& [name, value] : xattrs) views.push_back({name, value});
    return merged_.tree.intern_xattrs(views);
  }

  Result<erofs::XattrSetId> translate_xattrs(std::size_t layer, std::uint32_t set) {
    if (set == 0) return erofs::kNoXattrs;
    const auto known = sets_[layer].find(set);
    if (known != sets_[layer].end()) return known->second;
    const auto id = TRY(merged_.tree.intern_xattrs(layers_[layer].xattrs(set)));
    sets_[layer].emplace(set, id);
    return id;
  }

  const Context& ctx_;
  const std::span<const LayerTable> layers_;
  MergedTree merged_;
  std::vector<std::uint16_t> devices_;                                      // by layer; 0 without a blob
  std::vector<std::unordered_map<LayerNode, erofs::NodeId>> links_;         // by layer: inodes with several names
  std::vector<std::unordered_map<std::uint32_t, erofs::XattrSetId>> sets_;  // by layer
  std::string path_;
};

}  // namespace

Result<MergedTree> merge_layers(const Context& ctx, std::span<const LayerTable> layers) {
  if (layers.size() > kLayersMax) {
    return make_error(Code::kInvalidArgument, "an image of {} layers; at most {} are supported", layers.size(), kLayersMax);
  }
  return Merger(ctx, layers).merge();
}

}  // namespace zeropull::artifact
