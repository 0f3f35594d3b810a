#include "os/nftables.h"

#include "os/process.h"

namespace zeropull::os {

Result<void> apply_nftables(const Context& ctx, const std::string& rules) {
  auto printed = run_program(ctx, {.argv = {"nft", "-f", "-"}, .input = rules});
  if (printed.failed_with(Code::kUnknown)) return make_error(Code::kInvalidArgument, "{}", printed.error().message());
  TRY(std::move(printed).with_context("set the packet filter (is the package nftables installed?)"));
  return {};
}

}  // namespace zeropull::os
