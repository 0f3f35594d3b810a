#include "control/fleet/instance_types.h"

namespace zeropull::fleet {

namespace {

// AWS's published figures for the EC2 instance of the same name (aws.amazon.com/ec2/instance-types, read in 2026): vCPUs, memory,
// devices with the memory of one, and "network bandwidth". Where that says "up to", it is the burst; where it counts EFA, all of
// it. Of G7 no figures were published when this was written: they are assumed.
struct Row {
  const char* name;  // without "ml."
  int vcpus, memory_gib, accelerators;
  const char* accelerator;
  int accelerator_memory_gib;
  int network_mbit;
};

constexpr Row kRows[] = {
    // G4dn
    {"g4dn.xlarge", 4, 16, 1, "NVIDIA T4", 16, 25000},
    {"g4dn.2xlarge", 8, 32, 1, "NVIDIA T4", 16, 25000},
    {"g4dn.4xlarge", 16, 64, 1, "NVIDIA T4", 16, 25000},
    {"g4dn.8xlarge", 32, 128, 1, "NVIDIA T4", 16, 50000},
    {"g4dn.12xlarge", 48, 192, 4, "NVIDIA T4", 16, 50000},
    {"g4dn.16xlarge", 64, 256, 1, "NVIDIA T4", 16, 50000},
    // G5
    {"g5.xlarge", 4, 16, 1, "NVIDIA A10G", 24, 10000},
    {"g5.2xlarge", 8, 32, 1, "NVIDIA A10G", 24, 10000},
    {"g5.4xlarge", 16, 64, 1, "NVIDIA A10G", 24, 25000},
    {"g5.8xlarge", 32, 128, 1, "NVIDIA A10G", 24, 25000},
    {"g5.12xlarge", 48, 192, 4, "NVIDIA A10G", 24, 40000},
    {"g5.16xlarge", 64, 256, 1, "NVIDIA A10G", 24, 25000},
    {"g5.24xlarge", 96, 384, 4, "NVIDIA A10G", 24, 50000},
    {"g5.48xlarge", 192, 768, 8, "NVIDIA A10G", 24, 100000},
    // G6
    {"g6.xlarge", 4, 16, 1, "NVIDIA L4", 24, 10000},
    {"g6.2xlarge", 8, 32, 1, "NVIDIA L4", 24, 10000},
    {"g6.4xlarge", 16, 64, 1, "NVIDIA L4", 24, 25000},
    {"g6.8xlarge", 32, 128, 1, "NVIDIA L4", 24, 25000},
    {"g6.12xlarge", 48, 192, 4, "NVIDIA L4", 24, 40000},
    {"g6.16xlarge", 64, 256, 1, "NVIDIA L4", 24, 25000},
    {"g6.24xlarge", 96, 384, 4, "NVIDIA L4", 24, 50000},
    {"g6.48xlarge", 192, 768, 8, "NVIDIA L4", 24, 100000},
    // G6e
    {"g6e.xlarge", 4, 32, 1, "NVIDIA L40S", 48, 20000},
    {"g6e.2xlarge", 8, 64, 1, "NVIDIA L40S", 48, 20000},
    {"g6e.4xlarge", 16, 128, 1, "NVIDIA L40S", 48, 20000},
    {"g6e.8xlarge", 32, 256, 1, "NVIDIA L40S", 48, 25000},
    {"g6e.12xlarge", 48, 384, 4, "NVIDIA L40S", 48, 100000},
    {"g6e.16xlarge", 64, 512, 1, "NVIDIA L40S", 48, 35000},
    {"g6e.24xlarge", 96, 768, 4, "NVIDIA L40S", 48, 200000},
    {"g6e.48xlarge", 192, 1536, 8, "NVIDIA L40S", 48, 400000},
    // G7 (assumed)
    {"g7.2xlarge", 8, 32, 1, "NVIDIA RTX PRO 4500", 32, 25000},
    {"g7.4xlarge", 16, 64, 1, "NVIDIA RTX PRO 4500", 32, 25000},
    {"g7.8xlarge", 32, 128, 1, "NVIDIA RTX PRO 4500", 32, 50000},
    {"g7.12xlarge", 48, 192, 2, "NVIDIA RTX PRO 4500", 32, 100000},
    {"g7.24xlarge", 96, 384, 4, "NVIDIA RTX PRO 4500", 32, 200000},
    {"g7.48xlarge", 192, 768, 8, "NVIDIA RTX PRO 4500", 32, 400000},
    // G7e
    {"g7e.2xlarge", 8, 64, 1, "NVIDIA RTX PRO 6000", 96, 50000},
    {"g7e.4xlarge", 16, 128, 1, "NVIDIA RTX PRO 6000", 96, 50000},
    {"g7e.8xlarge", 32, 256, 1, "NVIDIA RTX PRO 6000", 96, 100000},
    {"g7e.12xlarge", 48, 512, 2, "NVIDIA RTX PRO 6000", 96, 400000},
    {"g7e.24xlarge", 96, 1024, 4, "NVIDIA RTX PRO 6000", 96, 800000},
    {"g7e.48xlarge", 192, 2048, 8, "NVIDIA RTX PRO 6000", 96, 1600000},
    // P2
    {"p2.xlarge", 4, 61, 1, "NVIDIA K80", 12, 1250},
    {"p2.8xlarge", 32, 488, 8, "NVIDIA K80", 12, 10000},
    {"p2.16xlarge", 64, 732, 16, "NVIDIA K80", 12, 25000},
    // P3
    {"p3.2xlarge", 8, 61, 1, "NVIDIA V100", 16, 10000},
    {"p3.8xlarge", 32, 244, 4, "NVIDIA V100", 16, 10000},
    {"p3.16xlarge", 64, 488, 8, "NVIDIA V100", 16, 25000},
    // P4d
    {"p4d.24xlarge", 96, 1152, 8, "NVIDIA A100", 40, 400000},
    // P4de
    {"p4de.24xlarge", 96, 1152, 8, "NVIDIA A100", 80, 400000},
    // P5
    {"p5.4xlarge", 16, 256, 1, "NVIDIA H100", 80, 100000},
    {"p5.48xlarge", 192, 2048, 8, "NVIDIA H100", 80, 3200000},
    // P5e, P5en
    {"p5e.48xlarge", 192, 2048, 8, "NVIDIA H200", 141, 3200000},
    {"p5en.48xlarge", 192, 2048, 8, "NVIDIA H200", 141, 3200000},
    // P6-B200
    {"p6-b200.48xlarge", 192, 2048, 8, "NVIDIA B200", 179, 3200000},
    // P6-B300
    {"p6-b300.48xlarge", 192, 4096, 8, "NVIDIA B300", 268, 6400000},
    // P6e-GB200
    {"p6e-gb200.36xlarge", 144, 960, 4, "NVIDIA GB200", 185, 1600000},
    // Inf1
    {"inf1.xlarge", 4, 8, 1, "AWS Inferentia", 8, 25000},
    {"inf1.2xlarge", 8, 16, 1, "AWS Inferentia", 8, 25000},
    {"inf1.6xlarge", 24, 48, 4, "AWS Inferentia", 8, 25000},
    {"inf1.24xlarge", 96, 192, 16, "AWS Inferentia", 8, 100000},
    // Inf2
    {"inf2.xlarge", 4, 16, 1, "AWS Inferentia2", 32, 15000},
    {"inf2.8xlarge", 32, 128, 1, "AWS Inferentia2", 32, 25000},
    {"inf2.24xlarge", 96, 384, 6, "AWS Inferentia2", 32, 50000},
    {"inf2.48xlarge", 192, 768, 12, "AWS Inferentia2", 32, 100000},
    // Trn1
    {"trn1.2xlarge", 8, 32, 1, "AWS Trainium", 32, 12500},
    {"trn1.32xlarge", 128, 512, 16, "AWS Trainium", 32, 800000},
    {"trn1n.32xlarge", 128, 512, 16, "AWS Trainium", 32, 1600000},
    // Trn2
    {"trn2.48xlarge", 192, 2048, 16, "AWS Trainium2", 96, 3200000},
    // DL1
    {"dl1.24xlarge", 96, 768, 8, "Intel Gaudi", 32, 400000},
    // T2
    {"t2.medium", 2, 4, 0, "", 0, 500},
    {"t2.large", 2, 8, 0, "", 0, 500},
    {"t2.xlarge", 4, 16, 0, "", 0, 1000},
    {"t2.2xlarge", 8, 32, 0, "", 0, 1000},
    // M5
    {"m5.large", 2, 8, 0, "", 0, 10000},
    {"m5.xlarge", 4, 16, 0, "", 0, 10000},
    {"m5.2xlarge", 8, 32, 0, "", 0, 10000},
    {"m5.4xlarge", 16, 64, 0, "", 0, 10000},
    {"m5.12xlarge", 48, 192, 0, "", 0, 12000},
    {"m5.24xlarge", 96, 384, 0, "", 0, 25000},
    // C5
    {"c5.large", 2, 4, 0, "", 0, 10000},
    {"c5.xlarge", 4, 8, 0, "", 0, 10000},
    {"c5.2xlarge", 8, 16, 0, "", 0, 10000},
    {"c5.4xlarge", 16, 32, 0, "", 0, 10000},
    {"c5.9xlarge", 36, 72, 0, "", 0, 12000},
    {"c5.18xlarge", 72, 144, 0, "", 0, 25000},
    // R5
    {"r5.large", 2, 16, 0, "", 0, 10000},
    {"r5.xlarge", 4, 32, 0, "", 0, 10000},
    {"r5.2xlarge", 8, 64, 0, "", 0, 10000},
    {"r5.4xlarge", 16, 128, 0, "", 0, 10000},
    {"r5.12xlarge", 48, 384, 0, "", 0, 12000},
    {"r5.24xlarge", 96, 768, 0, "", 0, 25000},
    // C6I
    {"c6i.large", 2, 4, 0, "", 0, 12500},
    {"c6i.xlarge", 4, 8, 0, "", 0, 12500},
    {"c6i.2xlarge", 8, 16, 0, "", 0, 12500},
    {"c6i.4xlarge", 16, 32, 0, "", 0, 12500},
    {"c6i.8xlarge", 32, 64, 0, "", 0, 12500},
    {"c6i.12xlarge", 48, 96, 0, "", 0, 18750},
    {"c6i.16xlarge", 64, 128, 0, "", 0, 25000},
    {"c6i.24xlarge", 96, 192, 0, "", 0, 37500},
    {"c6i.32xlarge", 128, 256, 0, "", 0, 50000},
    // M6I
    {"m6i.large", 2, 8, 0, "", 0, 12500},
    {"m6i.xlarge", 4, 16, 0, "", 0, 12500},
    {"m6i.2xlarge", 8, 32, 0, "", 0, 12500},
    {"m6i.4xlarge", 16, 64, 0, "", 0, 12500},
    {"m6i.8xlarge", 32, 128, 0, "", 0, 12500},
    {"m6i.12xlarge", 48, 192, 0, "", 0, 18750},
    {"m6i.16xlarge", 64, 256, 0, "", 0, 25000},
    {"m6i.24xlarge", 96, 384, 0, "", 0, 37500},
    {"m6i.32xlarge", 128, 512, 0, "", 0, 50000},
    // R6I
    {"r6i.large", 2, 16, 0, "", 0, 12500},
    {"r6i.xlarge", 4, 32, 0, "", 0, 12500},
    {"r6i.2xlarge", 8, 64, 0, "", 0, 12500},
    {"r6i.4xlarge", 16, 128, 0, "", 0, 12500},
    {"r6i.8xlarge", 32, 256, 0, "", 0, 12500},
    {"r6i.12xlarge", 48, 384, 0, "", 0, 18750},
    {"r6i.16xlarge", 64, 512, 0, "", 0, 25000},
    {"r6i.24xlarge", 96, 768, 0, "", 0, 37500},
    {"r6i.32xlarge", 128, 1024, 0, "", 0, 50000},
    // C7I
    {"c7i.large", 2, 4, 0, "", 0, 12500},
    {"c7i.xlarge", 4, 8, 0, "", 0, 12500},
    {"c7i.2xlarge", 8, 16, 0, "", 0, 12500},
    {"c7i.4xlarge", 16, 32, 0, "", 0, 12500},
    {"c7i.8xlarge", 32, 64, 0, "", 0, 12500},
    {"c7i.12xlarge", 48, 96, 0, "", 0, 18750},
    {"c7i.16xlarge", 64, 128, 0, "", 0, 25000},
    {"c7i.24xlarge", 96, 192, 0, "", 0, 37500},
    {"c7i.48xlarge", 192, 384, 0, "", 0, 50000},
    // M7I
    {"m7i.large", 2, 8, 0, "", 0, 12500},
    {"m7i.xlarge", 4, 16, 0, "", 0, 12500},
    {"m7i.2xlarge", 8, 32, 0, "", 0, 12500},
    {"m7i.4xlarge", 16, 64, 0, "", 0, 12500},
    {"m7i.8xlarge", 32, 128, 0, "", 0, 12500},
    {"m7i.12xlarge", 48, 192, 0, "", 0, 18750},
    {"m7i.16xlarge", 64, 256, 0, "", 0, 25000},
    {"m7i.24xlarge", 96, 384, 0, "", 0, 37500},
    {"m7i.48xlarge", 192, 768, 0, "", 0, 50000},
    // R7I
    {"r7i.large", 2, 16, 0, "", 0, 12500},
    {"r7i.xlarge", 4, 32, 0, "", 0, 12500},
    {"r7i.2xlarge", 8, 64, 0, "", 0, 12500},
    {"r7i.4xlarge", 16, 128, 0, "", 0, 12500},
    {"r7i.8xlarge", 32, 256, 0, "", 0, 12500},
    {"r7i.12xlarge", 48, 384, 0, "", 0, 18750},
    {"r7i.16xlarge", 64, 512, 0, "", 0, 25000},
    {"r7i.24xlarge", 96, 768, 0, "", 0, 37500},
    {"r7i.48xlarge", 192, 1536, 0, "", 0, 50000},
};

}  // namespace

InstanceTypes InstanceTypes::defaults() {
  InstanceTypes types;
  for (const auto& row : kRows) {
    InstanceType type{.name = std::string("ml.") + row.name,
                      .cpu_cores = static_cast<double>(row.vcpus),
                      .memory_mb = std::int64_t{row.memory_gib} * 1024,
                      .accelerators = static_cast<std::uint32_t>(row.accelerators),
                      .accelerator = row.accelerator,
                      .accelerator_memory_mb = std::int64_t{row.accelerator_memory_gib} * 1024,
                      .link_bits_per_s = static_cast<std::uint64_t>(row.network_mbit) * 1'000'000};
    types.types_.emplace(type.name, type);
  }
  return types;
}

}  // namespace zeropull::fleet
