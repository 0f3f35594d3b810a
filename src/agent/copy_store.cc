#include "agent/copy_store.h"

#include <nlohmann/json.hpp>

#include "agent/copy_limits.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {

using nlohmann::json;

json json_of(const Phase& phase) {
  return {{"name", phase.name},     {"begin", phase.begin_unix_ms},     {"end", phase.end_unix_ms}, {"bytes", phase.bytes},
          {"source", phase.source}, {"total_bytes", phase.total_bytes}, {"reason", phase.reason}};
}

Result<std::uint64_t> read_count(const json& object, std::string_view at) {
  auto value = TRY(codec::json_int(object, at));
  return static_cast<std::uint64_t>(value);
}

Result<std::uint32_t> read_small(const json& object, std::string_view at) {
  auto value = TRY(codec::json_int(object, at, {.max = std::numeric_limits<std::uint32_t>::max()}));
  return static_cast<std::uint32_t>(value);
}

Result<Phase> parse_phase(const json& object) {
  Phase phase;
  phase.name = TRY(codec::json_string(object, "name"));
  phase.begin_unix_ms = TRY(read_count(object, "begin"));
  phase.end_unix_ms = TRY(read_count(object, "end"));
  phase.bytes = TRY(read_count(object, "bytes"));
  phase.total_bytes = TRY(read_count(object, "total_bytes"));
  phase.source = TRY(codec::json_string(object, "source"));
  phase.reason = TRY(codec::json_string(object, "reason"));
  return phase;
}

json json_of(const Probe& probe) {
  return {{"start_timeout_s", probe.start_timeout.count()},
          {"warm_up_path", probe.warm_up_path},
          {"warm_up_body", to_hex(as_bytes(probe.warm_up_body))},  // any bytes
          {"warm_up_content_type", probe.warm_up_content_type},
          {"crashes_max", probe.crashes_max}};
}

Result<Probe> parse_probe(const json& object) {
  Probe probe;
  auto start_timeout = TRY(codec::json_int(object, "start_timeout_s"));
  probe.start_timeout = std::chrono::seconds(start_timeout);
  probe.warm_up_path = TRY(codec::json_string(object, "warm_up_path"));
  auto body = TRY(codec::json_string(object, "warm_up_body"));
  auto bytes = from_hex(body);
  if (!bytes) return make_error(Code::kInvalidArgument, "warm_up_body: not hex");
  probe.warm_up_body = as_text(*bytes);
  probe.warm_up_content_type = TRY(codec::json_string(object, "warm_up_content_type"));
  probe.crashes_max = TRY(read_small(object, "crashes_max"));
  return probe;
}

json json_of(const CopyRecord& record) {
  json phases = json::array();
  for (const Phase& phase : record.phases) phases.push_back(json_of(phase));
  return {{"id", record.id},
          {"component", record.component},
          {"slot", record.slot},
          {"port", record.port},
          {"outbound", record.outbound == Outbound::kAllowed},
          {"stage", static_cast<int>(record.stage)},
          {"ready", record.readiness == Readiness::kReached},
          {"crashes", record.crashes},
          {"restarts", record.restarts},
          {"reason", record.reason},
          {"log_tail", record.log_tail},
          {"image_digest", record.image_digest},
          {"model_identity", record.model_identity},
          {"phases", std::move(phases)},
          {"probe", json_of(record.probe)}};
}

Result<CopyRecord> parse_record(std::string_view text) {
  auto object = TRY(codec::parse_json(text, {.size_max = kRecordSizeMax}));
  CopyRecord record;
  record.id = TRY(codec::json_string(object, "id"));
  record.component = TRY(codec::json_string(object, "component"));
  record.slot = TRY(read_small(object, "slot"));
  auto port = TRY(codec::json_int(object, "port", {.min = kFirstPort, .max = kLastPort}));
  record.port = static_cast<std::uint16_t>(port);
  auto outbound = TRY(codec::json_bool(object, "outbound"));
  record.outbound = outbound ? Outbound::kAllowed : Outbound::kOff;
  auto stage = TRY(codec::json_int(object, "stage", {.max = static_cast<int>(CopyStage::kFailed)}));
  record.stage = static_cast<CopyStage>(stage);
  auto ready = TRY(codec::json_bool(object, "ready"));
  record.readiness = ready ? Readiness::kReached : Readiness::kNever;
  record.crashes = TRY(read_small(object, "crashes"));
  record.restarts = TRY(read_small(object, "restarts"));
  record.reason = TRY(codec::json_string(object, "reason"));
  record.log_tail = TRY(codec::json_string(object, "log_tail"));
  record.image_digest = TRY(codec::json_string(object, "image_digest"));
  record.model_identity = TRY(codec::json_string(object, "model_identity"));
  const json* phases = TRY(codec::json_array(object, "phases"));
  for (const json& one : *phases) {
    auto phase = TRY(parse_phase(one));
    record.phases.push_back(std::move(phase));
  }
  const json* probe = TRY(codec::json_object(object, "probe"));
  record.probe = TRY(parse_probe(*probe));
  return record;
}

}  // namespace

Result<std::unique_ptr<CopyStore>> CopyStore::create(const std::string& folder) {
  std::unique_ptr<CopyStore> store(new CopyStore(folder));
  TRY(os::ensure_folder(store->copies_folder()));
  *store->last_port_.lock() = kLastPort;
  auto last = os::read_text(store->port_file(), 16);
  if (last.ok()) {
    auto port = TRY(codec::parse_json(*last, {.size_max = 16}));
    if (port.is_number_unsigned()) *store->last_port_.lock() = port.get<std::uint16_t>();
  } else if (!last.failed_with(Code::kNotFound)) {
    return std::move(last).take_error();
  }
  auto names = TRY(os::list_folder(store->copies_folder()));
  for (const auto& name : names) {
    if (!os::exists(store->record_file_of(name))) TRY(os::remove_tree(store->folder_of(name)));
  }
  return store;
}

Result<std::vector<CopyRecord>> CopyStore::load() const {
  std::vector<CopyRecord> records;
  auto names = TRY(os::list_folder(copies_folder()));
  for (const auto& name : names) {
    if (!os::exists(record_file_of(name))) continue;
    auto text = TRY(os::read_text(record_file_of(name), kRecordSizeMax));
    auto record = TRY(
        parse_record(text).with_context("read {}: remove the folder when no container of that name runs", record_file_of(name)));
    if (record.id != name) return make_error(Code::kDataLoss, "{} is the record of another copy", record_file_of(name));
    records.push_back(std::move(record));
  }
  return records;
}

Result<void> CopyStore::save(const CopyRecord& record) {
  TRY(os::ensure_folder(folder_of(record.id)));
  return os::replace_file(record_file_of(record.id), as_bytes(codec::json_text(json_of(record))));
}

Result<void> CopyStore::remove(const std::string& id) { return os::remove_tree(folder_of(id)); }

Result<std::uint16_t> CopyStore::next_port() {
  auto last = last_port_.lock();
  auto port = static_cast<std::uint16_t>(*last >= kLastPort || *last < kFirstPort ? kFirstPort : *last + 1);
  TRY(os::replace_file(port_file(), as_bytes(fmt::format("{}", port))));
  *last = port;
  return port;
}

}  // namespace zeropull::agent
