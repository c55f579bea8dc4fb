#include "driver/config/config.h"

#include <grp.h>
#include <pwd.h>
#include <toml++/toml.h>
#include <unistd.h>
#include <vnpu/abi.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <vector>

namespace vnpu::driver {
namespace {

constexpr uint64_t kMaxHbmBytes = uint64_t{1} << 39;

// The options as text; what is empty was not given.
struct Settings {
  std::string mount_point, devices, soc, hbm_size, numa_node, owner, group, mode, log_level,
      log_file, pid_file, device_program, firmware, control_timeout_ms, pin_limit;
};

// One option: its name in the configuration file, on the command line (--name, '_' as '-') and,
// where there is one, in the environment.
struct Option {
  const char* name;
  std::string Settings::*field;
  const char* environment;
  const char* help;
};

constexpr Option kOptions[] = {
    {"mount_point", &Settings::mount_point, nullptr, "where the nodes appear (/dev/vnpu)"},
    {"devices", &Settings::devices, "VNPU_DEVICES", "number of devices, 1 to 64 (1)"},
    {"soc", &Settings::soc, "VNPU_SOC", "chip to be, such as Ascend910B1 (Ascend910B1)"},
    {"hbm_size", &Settings::hbm_size, "VNPU_HBM_SIZE",
     "device memory of one device, such as 4G (what the chip has)"},
    {"numa_node", &Settings::numa_node, nullptr, "NUMA node of device memory (any)"},
    {"owner", &Settings::owner, nullptr, "owner of the nodes, name or number (who runs vnpud)"},
    {"group", &Settings::group, nullptr, "group of the nodes, name or number"},
    {"mode", &Settings::mode, nullptr, "permission bits of the nodes, octal (0666)"},
    {"log_level", &Settings::log_level, "VNPU_LOG_LEVEL",
     "trace, debug, info, warn, error or off (info; warn with --embedded)"},
    {"log_file", &Settings::log_file, nullptr,
     "where to log (stderr with --foreground or --embedded, else the system log)"},
    {"pid_file", &Settings::pid_file, nullptr, "file to write the process number to"},
    {"device_program", &Settings::device_program, nullptr,
     "the device process (vnpu-device beside vnpud)"},
    {"firmware", &Settings::firmware, nullptr,
     "the firmware plug-in that devices begin with (vnpu-compat.so of this installation)"},
    {"control_timeout_ms", &Settings::control_timeout_ms, nullptr,
     "a device process that does not answer for so long is killed (20000)"},
    {"pin_limit", &Settings::pin_limit, nullptr, "pinned host memory of one session (8G)"},
};

std::string FlagName(const char* name) {
  std::string flag = std::string("--") + name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// Takes the settings of the file that are still empty; the complaint, or "".
std::string TakeSettings(const std::string& path, const toml::table& table, Settings* settings) {
  for (const auto& [key, node] : table) {
    const auto* option =
        std::find_if(std::begin(kOptions), std::end(kOptions),
                     [&key = key](const Option& o) { return key.str() == o.name; });
    if (option == std::end(kOptions)) {
      return "configuration file " + path + ": unknown setting '" + std::string(key.str()) + "'";
    }
    std::string& value = settings->*option->field;
    if (!value.empty()) {
      continue;
    }
    if (const auto text = node.value<std::string>(); text && node.is_string()) {
      value = *text;
    } else if (const auto number = node.value<int64_t>(); number && node.is_integer()) {
      value = std::to_string(*number);
    } else {
      return "configuration file " + path + ": '" + std::string(key.str()) +
             "' is to be a text or a whole number";
    }
  }
  return "";
}

std::string ReadFile(const std::string& path, Settings* settings) {
  try {
    return TakeSettings(path, toml::parse_file(path), settings);
  } catch (const toml::parse_error& error) {
    std::ostringstream where;
    where << error.source().begin;
    return "configuration file " + path + ": " + std::string(error.description()) + " (" +
           where.str() + ")";
  }
}

template <typename T>
bool ParseNumber(const std::string& text, T min, T max, T* value, int base = 10) {
  T number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number < min ||
      number > max) {
    return false;
  }
  *value = number;
  return true;
}

bool ParseOwner(const std::string& text, uid_t* uid) {
  if (ParseNumber<uid_t>(text, 0, UINT32_MAX - 1, uid)) {
    return true;
  }
  const passwd* user = getpwnam(text.c_str());
  if (user != nullptr) {
    *uid = user->pw_uid;
  }
  return user != nullptr;
}

bool ParseGroup(const std::string& text, gid_t* gid) {
  if (ParseNumber<gid_t>(text, 0, UINT32_MAX - 1, gid)) {
    return true;
  }
  const group* entry = getgrnam(text.c_str());
  if (entry != nullptr) {
    *gid = entry->gr_gid;
  }
  return entry != nullptr;
}

std::string KnownChips() {
  std::string names;
  for (const SocProfile& profile : SocProfiles()) {
    names += names.empty() ? "" : ", ";
    names += profile.name;
  }
  return names;
}

std::string ResolveDevices(const Settings& settings, Config* config) {
  if (!settings.devices.empty() &&
      !ParseNumber(settings.devices, 1u, VNPU_MAX_DEVICES, &config->devices)) {
    return "devices is '" + settings.devices + "'; it takes 1 to 64";
  }
  config->soc = FindSocProfile(settings.soc.empty() ? "Ascend910B1" : settings.soc);
  if (config->soc == nullptr) {
    return "soc is '" + settings.soc + "'; known chips: " + KnownChips();
  }
  config->hbm_bytes = config->soc->hbm_bytes;
  if (!settings.hbm_size.empty()) {
    const std::optional<uint64_t> bytes = ParseBytes(settings.hbm_size);
    if (!bytes || *bytes < VNPU_HUGE_PAGE_SIZE || *bytes > kMaxHbmBytes) {
      return "hbm_size is '" + settings.hbm_size + "'; it takes 2M to 512G";
    }
    config->hbm_bytes = *bytes;
  }
  if (!settings.numa_node.empty() &&
      !ParseNumber(settings.numa_node, 0, 1023, &config->numa_node)) {
    return "numa_node is '" + settings.numa_node + "'; it takes the number of a node";
  }
  return "";
}

std::string ResolveNodes(const Settings& settings, Config* config) {
  if (!settings.mount_point.empty()) {
    config->mount_point = settings.mount_point;
  }
  config->owner = getuid();
  config->group = getgid();
  if (!settings.owner.empty() && !ParseOwner(settings.owner, &config->owner)) {
    return "owner is '" + settings.owner + "'; there is no such user";
  }
  if (!settings.group.empty() && !ParseGroup(settings.group, &config->group)) {
    return "group is '" + settings.group + "'; there is no such group";
  }
  if (!settings.mode.empty() && !ParseNumber<mode_t>(settings.mode, 0, 0777, &config->mode, 8)) {
    return "mode is '" + settings.mode + "'; it takes octal permission bits such as 0660";
  }
  return "";
}

// Where this program is, with a slash at the end.
std::string ProgramFolder() {
  std::vector<char> self(4096);
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  const std::string path(self.data(), length > 0 ? static_cast<size_t>(length) : 0);
  return path.substr(0, path.rfind('/') + 1);
}

std::string DefaultFirmware() {
  const std::string installed = ProgramFolder() + "../" VNPU_LIBDIR "/vnpu-compat.so";
  return access(installed.c_str(), R_OK) == 0 ? installed
                                              : ProgramFolder() + "../lib/vnpu-compat.so";
}

std::string ResolveRunning(const Settings& settings, Config* config) {
  constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "off"};
  config->log_level = !settings.log_level.empty() ? settings.log_level
                      : config->embedded_fd >= 0  ? "warn"
                                                  : "info";
  if (std::find(std::begin(kLevels), std::end(kLevels), config->log_level) == std::end(kLevels)) {
    return "log_level is '" + config->log_level +
           "'; it takes trace, debug, info, warn, error or off";
  }
  config->log_file = settings.log_file;
  config->pid_file = settings.pid_file;
  config->device_program =
      settings.device_program.empty() ? ProgramFolder() + "vnpu-device" : settings.device_program;
  config->firmware = settings.firmware.empty() ? DefaultFirmware() : settings.firmware;
  if (!settings.control_timeout_ms.empty() &&
      !ParseNumber(settings.control_timeout_ms, 10u, 600'000u, &config->control_timeout_ms)) {
    return "control_timeout_ms is '" + settings.control_timeout_ms + "'; it takes 10 to 600000";
  }
  if (!settings.pin_limit.empty()) {
    const std::optional<uint64_t> bytes = ParseBytes(settings.pin_limit);
    if (!bytes) {
      return "pin_limit is '" + settings.pin_limit + "'; it takes a size such as 8G";
    }
    config->pin_limit = *bytes;
  }
  return "";
}

}  // namespace

std::optional<uint64_t> ParseBytes(const std::string& text) {
  static constexpr std::string_view kUnits = "KMGT";
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  std::string_view unit(parsed.ptr, static_cast<size_t>(end - parsed.ptr));
  if (parsed.ec != std::errc()) {
    return std::nullopt;
  }
  int shift = 0;
  if (!unit.empty()) {
    const size_t at = kUnits.find(static_cast<char>(toupper(unit[0])));
    unit.remove_prefix(1);
    if (at == std::string_view::npos || !(unit.empty() || unit == "B" || unit == "iB")) {
      return std::nullopt;
    }
    shift = 10 * (static_cast<int>(at) + 1);
  }
  if (number > UINT64_MAX >> shift) {
    return std::nullopt;
  }
  return number << shift;
}

ParsedConfig ParseConfig(int argc, const char* const* argv) {
  CLI::App app{
      "The vnpu driver: serves the device nodes of a virtual NPU.\n"
      "Every long option can stand in a TOML file too, as mount_point = \"/dev/vnpu\".",
      "vnpud"};
  Settings settings;
  Config config;
  std::string file;
  for (const Option& option : kOptions) {
    CLI::Option* added = app.add_option(FlagName(option.name), settings.*option.field, option.help);
    if (option.environment != nullptr) {
      added->envname(option.environment);
    }
  }
  app.add_option("--config", file, "configuration file (TOML)")->envname("VNPU_CONFIG");
  app.add_flag("--foreground", config.foreground, "stay in the foreground");
  app.add_option("--embedded", config.embedded_fd,
                 "serve this socket for the program that started vnpud, instead of nodes");
  app.set_version_flag("--version", VNPU_DRIVER_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream complaint;
    const int code = app.exit(error, out, complaint);
    return {std::nullopt, code, out.str() + complaint.str()};
  }
  std::string complaint = file.empty() ? "" : ReadFile(file, &settings);
  for (const auto resolve : {ResolveDevices, ResolveNodes, ResolveRunning}) {
    complaint = complaint.empty() ? resolve(settings, &config) : complaint;
  }
  if (!complaint.empty()) {
    return {std::nullopt, 2, "vnpud: " + complaint + "\n"};
  }
  return {config, 0, ""};
}

}  // namespace vnpu::driver
