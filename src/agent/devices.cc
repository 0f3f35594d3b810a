#include "agent/devices.h"

#include <fmt/ranges.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/copy_limits.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kHookStages{"prestart",       "createRuntime", "createContainer",
                                                      "startContainer", "poststart",     "poststop"};

Result<void> know_all_keys(const json& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end() && !value.is_null()) {
      return make_error(Code::kUnimplemented, "{:?} is an edit that is not known here", key);
    }
  }
  return {};
}

Result<std::string> absolute_path(const json& object, std::string_view at) {
  auto path = TRY(codec::json_string(object, at));
  if (!path.starts_with('/')) return make_error(Code::kInvalidArgument, "{}: {:?} is not absolute", at, path);
  return path;
}

Result<std::optional<std::uint32_t>> optional_number(const json& object, std::string_view at) {
  auto value = TRY(codec::json_optional_int(object, at, {.max = std::numeric_limits<std::uint32_t>::max()}));
  if (!value) return std::optional<std::uint32_t>();
  return std::optional<std::uint32_t>(static_cast<std::uint32_t>(*value));
}

// What the specification leaves out is the node's own, on this machine.
Result<void> fill_from_node(runtime::SpecDevice& device, const std::string& type, const std::string& path) {
  auto node = TRY(os::stat_path(path));
  char found = S_ISCHR(node.st_mode) ? 'c' : S_ISBLK(node.st_mode) ? 'b' : S_ISFIFO(node.st_mode) ? 'p' : '?';
  if (found == '?' || (!type.empty() && found != device.type)) {
    return make_error(Code::kFailedPrecondition, "{} is no device of the type that is asked for", path);
  }
  device.type = found;
  device.major = major(node.st_rdev);
  device.minor = minor(node.st_rdev);
  return {};
}

Result<runtime::SpecDevice> parse_node(const json& object) {
  TRY(know_all_keys(object, {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"}));
  runtime::SpecDevice device;
  device.path = TRY(absolute_path(object, "path"));
  auto host_path = TRY(codec::json_optional_string(object, "hostPath"));
  auto type = TRY(codec::json_optional_string(object, "type"));
  auto major_number = TRY(codec::json_optional_int(object, "major"));
  auto minor_number = TRY(codec::json_optional_int(object, "minor"));
  auto access = TRY(codec::json_optional_string(object, "permissions"));
  device.file_mode = TRY(optional_number(object, "fileMode"));
  device.uid = TRY(optional_number(object, "uid"));
  device.gid = TRY(optional_number(object, "gid"));
  if (type && (type->size() != 1 || !std::string_view("cbup").contains(type->front()))) {
    return make_error(Code::kInvalidArgument, "type: {:?} is none of c, b, u and p", *type);
  }
  device.type = type ? (type->front() == 'u' ? 'c' : type->front()) : 'c';
  device.major = major_number.value_or(0);
  device.minor = minor_number.value_or(0);
  bool whole = type && (device.type == 'p' || (major_number && minor_number));
  if (!whole) TRY(fill_from_node(device, type.value_or(""), host_path.value_or(device.path)));
  device.access = access.value_or("rwm");
  if (device.access.empty() || device.access.find_first_not_of("rwm") != std::string::npos) {
    return make_error(Code::kInvalidArgument, "permissions: {:?} is not of the letters r, w and m", device.access);
  }
  return device;
}

Result<runtime::SpecMount> parse_mount(const json& object) {
  TRY(know_all_keys(object, {"hostPath", "containerPath", "options", "type"}));
  runtime::SpecMount mount;
  mount.source = TRY(codec::json_string(object, "hostPath"));
  mount.destination = TRY(absolute_path(object, "containerPath"));
  mount.options = TRY(codec::json_optional_strings(object, "options"));
  auto type = TRY(codec::json_optional_string(object, "type"));
  mount.type = type.value_or("bind");
  bool binds = std::ranges::any_of(mount.options, [](const auto& option) { return option == "bind" || option == "rbind"; });
  if (mount.type == "bind" && !binds) mount.options.insert(mount.options.begin(), "rbind");
  return mount;
}

Result<runtime::SpecHook> parse_hook(const json& object) {
  TRY(know_all_keys(object, {"hookName", "path", "args", "env", "timeout"}));
  runtime::SpecHook hook;
  hook.stage = TRY(codec::json_string(object, "hookName"));
  if (std::ranges::find(kHookStages, hook.stage) == kHookStages.end()) {
    return make_error(Code::kInvalidArgument, "hookName: {:?} is no stage of a container", hook.stage);
  }
  hook.path = TRY(absolute_path(object, "path"));
  hook.args = TRY(codec::json_optional_strings(object, "args"));
  hook.environment = TRY(codec::json_optional_strings(object, "env"));
  hook.timeout_s = TRY(codec::json_optional_int(object, "timeout", {.min = 1}));
  return hook;
}

template <typename Item>
Result<void> parse_list(const json& object, std::string_view at, Result<Item> (*parse)(const json&), std::vector<Item>& into) {
  const json* list = TRY(codec::json_optional_array(object, at));
  if (list == nullptr) return {};
  for (const json& one : *list) {
    auto item = TRY(parse(one).with_context("{}", at));
    into.push_back(std::move(item));
  }
  return {};
}

Result<ContainerEdits> parse_edits(const json& owner) {
  const json* object = TRY(codec::json_optional_object(owner, "containerEdits"));
  ContainerEdits edits;
  if (object == nullptr) return edits;
  TRY(know_all_keys(*object, {"env", "deviceNodes", "mounts", "hooks"}));
  edits.environment = TRY(codec::json_optional_strings(*object, "env"));
  TRY(parse_list(*object, "deviceNodes", parse_node, edits.devices));
  TRY(parse_list(*object, "mounts", parse_mount, edits.mounts));
  TRY(parse_list(*object, "hooks", parse_hook, edits.hooks));
  return edits;
}

template <typename Item>
void append(std::vector<Item>& to, const std::vector<Item>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void ContainerEdits::add(const ContainerEdits& other) {
  append(environment, other.environment);
  append(mounts, other.mounts);
  append(hooks, other.hooks);
  for (const auto& device : other.devices) {  // two devices may share a control node
    if (std::ranges::find(devices, device) == devices.end()) devices.push_back(device);
  }
}

Result<void> DeviceCatalog::add_specification(std::string_view text) {
  auto object = TRY(codec::parse_json(text, {.size_max = kCdiSizeMax}));
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  auto kind = TRY(codec::json_string(object, "kind"));
  if (kind != kind_) return {};
  TRY(know_all_keys(object, {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}));
  auto shared = TRY(parse_edits(object));
  const json* devices = TRY(codec::json_array(object, "devices"));
  std::map<std::string, Device> found;
  for (const json& one : *devices) {
    TRY(know_all_keys(one, {"name", "annotations", "containerEdits"}));
    auto name = TRY(codec::json_string(one, "name"));
    auto own = TRY(parse_edits(one).with_context("device {}", name));
    found[name] = {.own = std::move(own), .specification = specifications_.size()};
  }
  specifications_.push_back(std::move(shared));
  for (auto& [name, device] : found) devices_[name] = std::move(device);
  return {};
}

Result<DeviceCatalog> DeviceCatalog::load(const DeviceFolders& folders) {
  DeviceCatalog catalog;
  catalog.kind_ = folders.kind;
  auto note = [&](std::string fault) {
    if (catalog.fault_.empty()) catalog.fault_ = std::move(fault);
  };
  for (const auto& folder : folders.folders) {
    auto listed = os::list_folder(folder);
    if (listed.failed_with(Code::kNotFound)) continue;
    auto names = TRY(std::move(listed));
    for (const auto& name : names) {
      std::string path = folder + "/" + name;
      bool yaml = name.ends_with(".yaml") || name.ends_with(".yml");
      if (!yaml && !name.ends_with(".json")) continue;
      auto text = os::read_text(path, kCdiSizeMax);
      if (!text.ok()) {
        note(text.error().message());
      } else if (!text->contains(folders.kind)) {
        continue;  // another vendor's
      } else if (yaml) {
        note(fmt::format("{} is YAML: write it as JSON, nvidia-ctk cdi generate --output=NAME.json", path));
      } else if (auto added = catalog.add_specification(*text); !added.ok()) {
        note(fmt::format("{}: {}", path, added.error().message()));
      }
    }
  }
  return catalog;
}

Result<ContainerEdits> DeviceCatalog::edits_for(const std::vector<std::uint32_t>& numbers) const {
  ContainerEdits edits;
  std::string visible = numbers.empty() ? "void" : fmt::format("{}", fmt::join(numbers, ","));
  if (!numbers.empty() && (!devices_.empty() || !fault_.empty())) {
    std::set<std::size_t> specifications;
    for (std::uint32_t number : numbers) {
      auto device = devices_.find(fmt::format("{}", number));
      if (device == devices_.end()) {
        return make_error(Code::kFailedPrecondition, "this instance has no device {}={}{}{}", kind_, number,
                          fault_.empty() ? "" : "; a specification is not usable: ", fault_);
      }
      if (specifications.insert(device->second.specification).second) edits.add(specifications_[device->second.specification]);
      edits.add(device->second.own);
    }
  }
  edits.environment.push_back("NVIDIA_VISIBLE_DEVICES=" + visible);
  return edits;
}

}  // namespace zeropull::agent
