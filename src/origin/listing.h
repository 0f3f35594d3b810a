// What every origin does with the files that it found: check that a folder can hold them, sort them, name their identity. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "origin/origin.h"

namespace zeropull::origin {

// kInvalidArgument, with the path, for what ModelFile::path may not be.
Result<void> check_path(std::string_view path);

// kNotFound for no file at all; kInvalidArgument for paths that check_path() refuses or that clash; kOutOfRange for too many.
Result<ModelListing> make_listing(std::string_view uri, ModelForm form, std::vector<ModelFile> files);

// The last part of a key or path, for a model that is one file.
std::string_view last_part(std::string_view path);

}  // namespace zeropull::origin
