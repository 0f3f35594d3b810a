#include "runtime/stdio.h"

#include <fcntl.h>

#include "os/fifo.h"
#include "runtime/limits.h"
#include "runtime/log.h"

namespace zeropull::runtime {

namespace {

constexpr const char* kInput = "stdin";
constexpr std::array<const char*, 2> kOutputs{"stdout", "stderr"};

bool is_ready(const pollfd& waiting) { return (waiting.revents & (POLLIN | POLLOUT | POLLHUP | POLLERR | POLLNVAL)) != 0; }

}  // namespace

Result<StdioPump> StdioPump::create(const std::string& parent_folder, const Stdio& stdio, std::function<void()> on_first_output) {
  auto folder = TRY(os::ScratchFolder::create(parent_folder, "stdio-"));
  auto wakeup = TRY(os::create_pipe());
  StdioPump pump(std::move(folder), std::move(wakeup), std::move(on_first_output));
  pump.outputs_[0] = TRY(pump.open_output(kOutputs[0], stdio.output));
  pump.outputs_[1] = TRY(pump.open_output(kOutputs[1], stdio.error));
  if (stdio.input >= 0) {
    TRY(os::create_fifo(pump.path(kInput)));
    // Both ways, since opening for writing alone fails until the shim reads.
    pump.input_.fifo = TRY(os::open_file(pump.path(kInput), O_RDWR | O_NONBLOCK));
    pump.input_.source = stdio.input;
  }
  return pump;
}

Result<StdioPump::Output> StdioPump::open_output(const char* name, int destination) const {
  if (destination < 0) return Output{};
  TRY(os::create_fifo(path(name)));
  auto fifo = TRY(os::open_file(path(name), O_RDONLY | O_NONBLOCK));
  return Output{.fifo = std::move(fifo), .destination = destination, .ended = false};
}

void StdioPump::connect(NewTask& task) const {
  if (input_.fifo.valid()) task.standard_input = path(kInput);
  if (outputs_[0].fifo.valid()) task.standard_output = path(kOutputs[0]);
  if (outputs_[1].fifo.valid()) task.standard_error = path(kOutputs[1]);
}

Result<void> StdioPump::step(int timeout_ms) {
  bool fills_input = input_.fifo.valid() && input_.pending.empty();
  std::array<pollfd, 4> waiting{};
  waiting[0] = {.fd = wakeup_.read_end.get(), .events = POLLIN, .revents = 0};
  waiting[1] = {.fd = fills_input ? input_.source : input_.fifo.get(), .events = POLLIN, .revents = 0};
  if (!fills_input) waiting[1].events = POLLOUT;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    waiting[2 + i] = {.fd = outputs_[i].ended ? -1 : outputs_[i].fifo.get(), .events = POLLIN, .revents = 0};
  }
  bool ready = TRY(os::wait_ready(waiting, timeout_ms));
  if (!ready) return {};
  if (is_ready(waiting[0])) {
    std::array<std::byte, 64> discarded;
    TRY(os::read_some(wakeup_.read_end.get(), discarded));
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (is_ready(waiting[2 + i])) TRY(copy_output(outputs_[i]));
  }
  if (is_ready(waiting[1])) TRY(copy_input());
  return {};
}

Result<void> StdioPump::copy_output(Output& output) {
  Bytes buffer(kCopySize);
  auto count = TRY(os::try_read(output.fifo.get(), buffer));
  if (!count) return {};
  if (*count == 0) {
    output.ended = true;
    return {};
  }
  if (on_first_output_) std::exchange(on_first_output_, nullptr)();
  if (output.destination < 0) return {};
  if (auto written = os::write_all(output.destination, ByteView(buffer).first(*count)); !written.ok()) {
    LOG_WARN(kLog, "drop the rest of a container's output: {}", written.error().message());
    output.destination = -1;
  }
  return {};
}

Result<void> StdioPump::copy_input() {
  if (!input_.pending.empty()) {
    auto count = TRY(os::try_write(input_.fifo.get(), input_.pending));
    if (count) input_.pending.erase(input_.pending.begin(), input_.pending.begin() + static_cast<std::ptrdiff_t>(*count));
    return {};
  }
  input_.pending.resize(kCopySize);
  auto count = os::try_read(input_.source, input_.pending);
  input_.pending.resize(count.ok() && *count ? **count : 0);
  if (!count.ok()) LOG_WARN(kLog, "end a container's input: {}", count.error().message());
  if (!count.ok() || (*count && **count == 0)) end_input();
  return {};
}

void StdioPump::end_input() {
  input_.fifo.reset();
  input_just_ended_ = true;
}

void StdioPump::wake() const { (void)os::write_all(wakeup_.write_end.get(), as_bytes("w")); }

}  // namespace zeropull::runtime
