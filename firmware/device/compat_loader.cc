#include "firmware/device/compat_loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "firmware/device/control.h"
#include "firmware/device/sandbox.h"

namespace vnpu::firmware {
namespace {

bool Complete(const vnpu_compat& table) {
  return table.self_test != nullptr && table.worker_limit != nullptr &&
         table.admit_queue != nullptr && table.update_queue != nullptr &&
         table.quiet_limit_ms != nullptr;
}

// Whether everything that the dynamic loader maps is in the file: it believes what stands there.
bool IsWhole(int fd) {
  struct stat file {};
  Elf64_Ehdr header{};
  if (fstat(fd, &file) != 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    return false;
  }
  const auto size = static_cast<uint64_t>(file.st_size);
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    const uint64_t at = header.e_phoff + i * sizeof(part);
    if (at > size || pread(fd, &part, sizeof(part), static_cast<off_t>(at)) != sizeof(part) ||
        part.p_offset > size || part.p_filesz > size - part.p_offset) {
      return false;
    }
  }
  return true;
}

}  // namespace

const vnpu_compat* LoadCompat(int fd, std::string* why) {
  if (!IsWhole(fd)) {
    *why = "it is not a shared object, or is cut off";
    return nullptr;
  }
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    *why = std::string("it cannot be loaded: ") + dlerror();
    return nullptr;
  }
  using Entry = const vnpu_compat* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, VNPU_COMPAT_SYMBOL));
  const vnpu_compat* const table = entry != nullptr ? entry() : nullptr;
  if (table == nullptr) {
    *why = "it has no " VNPU_COMPAT_SYMBOL "()";
    return nullptr;
  }
  if (table->interface_version != VNPU_COMPAT_INTERFACE) {
    *why = "it has version " + std::to_string(table->interface_version) +
           " of the interface, this firmware version " + std::to_string(VNPU_COMPAT_INTERFACE);
    return nullptr;
  }
  if (table->bytes < sizeof(vnpu_compat) || !Complete(*table)) {
    *why = "its table is incomplete";
    return nullptr;
  }
  return table;
}

int RunSelfTest() {
  SelfTestReport report{};
  report.result = SelfTestReport::kNotLoaded;
  std::string why;
  const vnpu_compat* const table = LoadCompat(kCompatFd, &why);
  if (table != nullptr) {
    if (!EnterSandbox(getpid())) {
      why = "this system has no seccomp filters";
    } else {
      report.result = table->self_test(report.message, sizeof(report.message));
      why = report.result != 0 && report.message[0] == '\0' ? "no reason given" : "";
    }
  }
  if (!why.empty()) {
    const size_t length = std::min(why.size(), sizeof(report.message) - 1);
    std::memcpy(report.message, why.data(), length);
    report.message[length] = '\0';
  }
  report.message[sizeof(report.message) - 1] = '\0';
  return write(kControlFd, &report, sizeof(report)) == sizeof(report) ? 0 : 1;
}

}  // namespace vnpu::firmware
