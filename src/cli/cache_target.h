// What DIR means on the command line: a cache folder or volume in the plain form, or with "store:" before it an encrypted store's
// folder; and where its key lies: --key-file, or "<DIR>.key" beside it.
#pragma once

#include <memory>
#include <string>

#include "artifact/cache_folder.h"
#include "artifact/keys.h"
#include "base/result.h"

namespace zeropull::cli {

struct CacheTarget {
  bool store = false;
  std::string path;
  std::string key_file;
};

// `key_file` empty: beside the folder.
CacheTarget parse_cache_target(const std::string& text, const std::string& key_file);

// That it is a cache folder's place and something is there.
Result<void> require_folder(const CacheTarget& target);

// Opens a cache folder for reading with its key, so that seals are checked; says where the key was looked for when it is not
// there.
Result<std::unique_ptr<artifact::CacheFolder>> open_folder_sealed(const std::string& path, const std::string& key_file);

// The image that `name` (a reference or a manifest digest) means; the only one when `name` is empty.
Result<artifact::ImagePtr> choose_image(const artifact::CacheFolder& folder, const std::string& name);

}  // namespace zeropull::cli
