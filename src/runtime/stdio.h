// StdioPump: a container's standard streams. It makes the FIFOs that containerd's shim opens and copies between them and
// descriptors of the caller's, in step(), on one thread. It owns the FIFOs and their folder; the caller's descriptors stay the
// caller's. A destination that fails (a closed pipe) is dropped and the container's output read on, so that the container does
// not stall.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fd.h"
#include "os/file.h"
#include "runtime/tasks.h"

namespace zeropull::runtime {

struct Stdio {  // descriptors; -1 for none
  int input = -1;
  int output = -1;
  int error = -1;
};

class StdioPump {
 public:
  // `on_first_output` is called once, from step(), at the first byte of either output.
  static Result<StdioPump> create(const std::string& parent_folder, const Stdio& stdio, std::function<void()> on_first_output);

  void connect(NewTask& task) const;  // names the FIFOs
  // Waits until there is something to copy, wake() is called or the time is over, and copies what is there.
  Result<void> step(int timeout_ms);
  void wake() const;  // thread-safe
  bool outputs_ended() const { return outputs_[0].ended && outputs_[1].ended; }
  // True once, when the caller's input has ended and all of it is in the FIFO: time for Tasks::close_input.
  bool take_input_ended() { return std::exchange(input_just_ended_, false); }

 private:
  struct Output {
    os::UniqueFd fifo;
    int destination = -1;
    bool ended = true;
  };
  struct Input {
    os::UniqueFd fifo;  // invalid once ended
    int source = -1;
    Bytes pending = {};
  };
  StdioPump(os::ScratchFolder folder, os::Pipe wakeup, std::function<void()> on_first_output)
      : folder_(std::move(folder)), wakeup_(std::move(wakeup)), on_first_output_(std::move(on_first_output)) {}
  std::string path(const char* name) const { return folder_.path() + "/" + name; }
  Result<Output> open_output(const char* name, int destination) const;
  Result<void> copy_output(Output& output);
  Result<void> copy_input();
  void end_input();

  os::ScratchFolder folder_;
  os::Pipe wakeup_;
  std::function<void()> on_first_output_;  // empty once called
  std::array<Output, 2> outputs_;
  Input input_;
  bool input_just_ended_ = false;
};

}  // namespace zeropull::runtime
