#include "runtime/image_config.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "codec/json.h"
#include "runtime/limits.h"

namespace zeropull::runtime {

namespace {

using nlohmann::json;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// The member by its exact name, else one that differs in case alone, else null.
const json& member(const json& object, const char* name) {
  static const json kNull;
  if (auto exact = object.find(name); exact != object.end()) return *exact;
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (upper(it.key()) == upper(name)) return *it;
  }
  return kNull;
}

// The known members under their proper names, so that the rest of the file reads one shape.
Result<json> normalised(const json& object, std::initializer_list<const char*> names) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object, found {}", object.type_name());
  json out = json::object();
  for (const char* name : names) out[name] = member(object, name);
  return out;
}

struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array kSignals{
    SignalName{"ABRT", SIGABRT},     SignalName{"ALRM", SIGALRM},   SignalName{"BUS", SIGBUS},   SignalName{"CHLD", SIGCHLD},
    SignalName{"CONT", SIGCONT},     SignalName{"FPE", SIGFPE},     SignalName{"HUP", SIGHUP},   SignalName{"ILL", SIGILL},
    SignalName{"INT", SIGINT},       SignalName{"IO", SIGIO},       SignalName{"IOT", SIGIOT},   SignalName{"KILL", SIGKILL},
    SignalName{"PIPE", SIGPIPE},     SignalName{"POLL", SIGPOLL},   SignalName{"PROF", SIGPROF}, SignalName{"PWR", SIGPWR},
    SignalName{"QUIT", SIGQUIT},     SignalName{"SEGV", SIGSEGV},   SignalName{"STOP", SIGSTOP}, SignalName{"SYS", SIGSYS},
    SignalName{"TERM", SIGTERM},     SignalName{"TRAP", SIGTRAP},   SignalName{"TSTP", SIGTSTP}, SignalName{"TTIN", SIGTTIN},
    SignalName{"TTOU", SIGTTOU},     SignalName{"URG", SIGURG},     SignalName{"USR1", SIGUSR1}, SignalName{"USR2", SIGUSR2},
    SignalName{"VTALRM", SIGVTALRM}, SignalName{"WINCH", SIGWINCH}, SignalName{"XCPU", SIGXCPU}, SignalName{"XFSZ", SIGXFSZ},
    SignalName{"STKFLT", SIGSTKFLT},
};
// As containers see them (moby/sys/signal): the C library of the container keeps two for itself, and so the first is 34.
constexpr int kRealTimeMin = 34;
constexpr int kRealTimeMax = 64;

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int> real_time_signal(std::string_view name) {
  if (name == "RTMIN") return kRealTimeMin;
  if (name == "RTMAX") return kRealTimeMax;
  bool from_min = name.starts_with("RTMIN+");
  if (!from_min && !name.starts_with("RTMAX-")) return std::nullopt;
  auto offset = parse_number(name.substr(6));
  if (!offset || *offset < 0 || *offset > kRealTimeMax - kRealTimeMin) return std::nullopt;
  return from_min ? kRealTimeMin + *offset : kRealTimeMax - *offset;
}

}  // namespace

Result<ImageConfig> parse_image_config(ByteView bytes) {
  auto parse = [&]() -> Result<ImageConfig> {
    json image = TRY(codec::parse_json(as_text(bytes), {.size_max = kImageConfigSizeMax}));
    json root = TRY(normalised(image, {"config"}));
    ImageConfig out;
    if (root["config"].is_null()) return out;
    json config = TRY(normalised(root["config"], {"User", "Env", "Entrypoint", "Cmd", "WorkingDir", "StopSignal", "Labels"}));
    auto user = TRY(codec::json_optional_string(config, "User"));
    auto folder = TRY(codec::json_optional_string(config, "WorkingDir"));
    auto signal = TRY(codec::json_optional_string(config, "StopSignal"));
    out.user = user.value_or("");
    out.working_folder = folder.value_or("");
    out.stop_signal = signal.value_or("");
    out.environment = TRY(codec::json_optional_strings(config, "Env"));
    out.entrypoint = TRY(codec::json_optional_strings(config, "Entrypoint"));
    out.command = TRY(codec::json_optional_strings(config, "Cmd"));
    out.labels = TRY(codec::json_optional_string_map(config, "Labels"));
    return out;
  };
  return parse().with_context("read the image's configuration");
}

Result<int> parse_signal(const std::string& text) {
  if (auto number = parse_number(text); number && *number > 0 && *number <= kRealTimeMax) return *number;
  std::string name = upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (auto number = real_time_signal(name)) return *number;
  auto* known = std::ranges::find(kSignals, name, &SignalName::name);
  if (known == kSignals.end()) return make_error(Code::kInvalidArgument, "unknown signal '{}'", text);
  return known->number;
}

}  // namespace zeropull::runtime
