// Where a copy's image and model come from, as functions: the catalogues behind them are others' matter. Both are called from
// copies' own threads, several at a time, block until the thing is complete on this instance, and return at once with kCancelled
// when the context is stopped.
//
// An error's code decides what follows: kUnavailable, kDeadlineExceeded, kResourceExhausted, kAborted, kInternal and kUnknown are
// tried again, every other one fails the copy at once with the error's text as its reason.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/desired_state.h"
#include "agent/report.h"
#include "base/bytes.h"
#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"

namespace zeropull::agent {

struct ReadyImage {
  Bytes config;                           // as the registry served it
  std::optional<ChainId> chain;           // of all layers; absent for an image without layers
  std::string digest;                     // "sha256:.." of the manifest
  Phase phase = {};                       // name, begin and end are the caller's to set
  std::shared_ptr<const void> hold = {};  // kept while the copy may need the image
};

struct ReadyModel {
  std::string path;  // of a folder on this instance: bound read-only
  std::string identity;
  Phase phase = {};
  std::shared_ptr<const void> hold = {};
};

// Takes what is known of a phase that is still running; cheap, from any thread.
using PhaseUpdate = std::function<void(const Phase&)>;
using EnsureImage = std::function<Result<ReadyImage>(const Context&, const Copy&, const PhaseUpdate&)>;
using EnsureModel = std::function<Result<ReadyModel>(const Context&, const DesiredModel&, const PhaseUpdate&)>;

}  // namespace zeropull::agent
