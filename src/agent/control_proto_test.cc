#include "agent/control_proto.h"

#include <gtest/gtest.h>

#include <limits>

#include "agent/control_limits.h"
#include "zeropull/control/v1/control.pb.h"

namespace zeropull::agent {
namespace {

namespace pb = ::zeropull::control::v1;

// Every field of the message set, whatever its kind, so that one that the conversion forgets is found.
void fill(google::protobuf::Message& message, int depth = 0);

void fill_field(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int depth) {
  using Type = google::protobuf::FieldDescriptor::CppType;
  const auto& reflection = *message.GetReflection();
  const int number = field.number();
  const std::string word = field.full_name().ends_with("Endpoint.key") ? std::string(kEndpointKeySize, 'k') : field.name();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case Type::CPPTYPE_STRING:
      many ? reflection.AddString(&message, &field, word) : reflection.SetString(&message, &field, word);
      break;
    case Type::CPPTYPE_UINT32: {
      const auto value = static_cast<std::uint32_t>(number);
      many ? reflection.AddUInt32(&message, &field, value) : reflection.SetUInt32(&message, &field, value);
      break;
    }
    case Type::CPPTYPE_UINT64: reflection.SetUInt64(&message, &field, 1000u + static_cast<unsigned>(number)); break;
    case Type::CPPTYPE_DOUBLE: reflection.SetDouble(&message, &field, 0.5 + number); break;
    case Type::CPPTYPE_BOOL: reflection.SetBool(&message, &field, true); break;
    case Type::CPPTYPE_ENUM: reflection.SetEnumValue(&message, &field, field.enum_type()->value_count() - 1); break;
    case Type::CPPTYPE_MESSAGE:
      fill(many ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field), depth + 1);
      break;
    default: FAIL() << "a kind of field that the protocol had not: " << field.full_name();
  }
}

void fill(google::protobuf::Message& message, int depth) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) fill_field(message, *message.GetDescriptor()->field(i), depth);
}

TEST(ControlProto, loses_no_field_of_a_desired_state_or_a_report) {
  pb::DesiredState desired, desired_again;
  fill(desired);
  to_proto(MUST(from_proto(desired)), desired_again);
  EXPECT_EQ(desired_again.DebugString(), desired.DebugString());
  pb::Report report, report_again;
  fill(report);
  to_proto(MUST(from_proto(report)), report_again);
  EXPECT_EQ(report_again.DebugString(), report.DebugString());
}

TEST(ControlProto, an_absent_endpoint_and_model_stay_absent) {
  EXPECT_FALSE(MUST(from_proto(pb::DesiredState())).endpoint.has_value());
  pb::DesiredState desired;
  auto& copy = *desired.add_copies();
  copy.set_id("c-1");
  copy.set_image("host/repo@sha256:00");
  auto parsed = MUST(from_proto(desired));
  EXPECT_FALSE(parsed.copies.front().model.has_value());
  EXPECT_EQ(parsed.copies.front().probe.crashes_max, Probe().crashes_max);
}

TEST(ControlProto, refuses_messages_that_break_a_limit) {
  pb::DesiredState good;
  fill(good);
  const auto refused = [&](auto change) {
    pb::DesiredState bad = good;
    change(bad);
    return from_proto(bad).failed_with(Code::kInvalidArgument);
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_endpoint()->set_key(std::string(31, 'k')); }));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_endpoint()->clear_uid(); }));
  EXPECT_TRUE(refused([](auto& bad) { *bad.add_copies() = bad.copies(0); }));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_copies(0)->clear_id(); }));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_copies(0)->set_image(std::string(kNameMax + 1, 'x')); }));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_copies(0)->mutable_resources()->set_cpu_cores(-1); }));
  EXPECT_TRUE(refused([](auto& bad) { bad.mutable_copies(0)->mutable_probe()->set_crashes_max(0); }));
  EXPECT_TRUE(refused([](auto& bad) { (*bad.mutable_copies(0)->mutable_environment())["A"] = std::string(kValueMax + 1, 'x'); }));
  EXPECT_TRUE(refused([](auto& bad) {
    for (std::size_t i = 0; i <= kListedMax; ++i) bad.add_keep_models("x");
  }));

  pb::Report report;
  fill(report);
  const auto report_refused = [&](auto change) {
    pb::Report bad = report;
    change(bad);
    return from_proto(bad).failed_with(Code::kInvalidArgument);
  };
  EXPECT_FALSE(report_refused([](auto&) {}));
  EXPECT_TRUE(report_refused([](auto& bad) { bad.mutable_copies(0)->set_state(pb::COPY_STATE_UNSPECIFIED); }));
  EXPECT_TRUE(report_refused([](auto& bad) { bad.mutable_copies(0)->set_state(static_cast<pb::CopyState>(99)); }));
  EXPECT_TRUE(
      report_refused([](auto& bad) { bad.mutable_copies(0)->set_cpu_seconds(std::numeric_limits<double>::quiet_NaN()); }));
  EXPECT_TRUE(report_refused([](auto& bad) { bad.mutable_copies(0)->set_log_tail(std::string(kReasonMax + 1, 'x')); }));
  EXPECT_TRUE(report_refused([](auto& bad) { bad.mutable_artifacts(0)->set_kind(pb::CachedArtifact::KIND_UNSPECIFIED); }));
  EXPECT_TRUE(report_refused([](auto& bad) {
    for (std::size_t i = 0; i <= kPhasesMax; ++i) *bad.mutable_copies(0)->add_phases() = bad.copies(0).phases(0);
  }));
}

}  // namespace
}  // namespace zeropull::agent
