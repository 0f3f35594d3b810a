#include "artifact/image_mount.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "artifact/cache_folder.h"
#include "artifact/verify.h"
#include "cli/cache_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "os/file.h"
#include "os/mount.h"

namespace zeropull::cli {

namespace {

struct MountOptions {
  std::string folder;
  std::string mount_point;
  std::string key_file;
  std::string image;
  bool file_directio = false;
  bool json = false;
};

Result<void> mount_from_folder(const Context& ctx, const MountOptions& options) {
  auto folder = TRY(open_folder_sealed(options.folder, options.key_file));
  auto image = TRY(choose_image(*folder, options.image));
  TRY(artifact::check_attach(ctx, *folder, *image));
  auto files = artifact::files_of(*folder, *image);
  auto direct_io = options.file_directio ? artifact::FileDirectIo::kAllowed : artifact::FileDirectIo::kRefused;
  return artifact::mount_image(files, options.mount_point, direct_io);
}

}  // namespace

void add_image_mount(CommandLine line) {
  auto options = std::make_shared<MountOptions>();
  CLI::App* mount = line.parent.add_subcommand("mount", "Mount a cached image's merged tree read-only (root)");
  mount->add_option("DIR", options->folder, "cache folder or volume")->required();
  mount->add_option("MOUNTPOINT", options->mount_point, "an existing folder")->required();
  mount->add_option("--key-file", options->key_file, "the endpoint's key; beside DIR by default");
  mount->add_option("--image", options->image, "reference or manifest digest, where DIR holds several");
  mount->add_flag("--allow-file-directio", options->file_directio,
                  "mount from the files where loop devices fail (CVE-2026-23224)");
  mount->add_flag("--json", options->json, "one JSON object a line");
  mount->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    Interrupt interrupt;
    auto mounted = mount_from_folder(interrupt.context("image mount"), *options);
    if (!mounted.ok()) {
      exit_code = output.fail(mounted.error());
      return;
    }
    output.result(fmt::format("mounted on {}", options->mount_point), {{"mount_point", options->mount_point}});
  });

  CLI::App* unmount = line.parent.add_subcommand("unmount", "Unmount what `image mount` mounted");
  unmount->add_option("MOUNTPOINT", options->mount_point)->required();
  unmount->add_flag("--json", options->json, "one JSON object a line");
  unmount->callback([options, &exit_code = line.exit_code] {
    Output output(Output::choose(options->json));
    auto unmounted = os::unmount(options->mount_point);
    if (unmounted.failed_with(Code::kInvalidArgument))
      unmounted = make_error(Code::kInvalidArgument, "nothing is mounted on {}", options->mount_point);
    if (!unmounted.ok()) {
      exit_code = output.fail(unmounted.error());
      return;
    }
    output.result(fmt::format("unmounted {}", options->mount_point), {{"mount_point", options->mount_point}});
  });
}

}  // namespace zeropull::cli
