#include "libruntime/src/memory/host_registry.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {
namespace {

// A mapping of this process, as far as it lies in a range.
struct MappedPart {
  uint64_t begin = 0;
  uint64_t end = 0;
  char rights[5] = {};
  ino_t file = 0;
  bool stack = false;
};

std::vector<MappedPart> PartsOf(uint64_t begin, uint64_t end) {
  std::vector<MappedPart> parts;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    MappedPart part;
    uint64_t file = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64, &part.begin,
                    &part.end, part.rights, &file) != 4 ||
        part.end <= begin || part.begin >= end) {
      continue;
    }
    part.begin = std::max(part.begin, begin);
    part.end = std::min(part.end, end);
    part.file = static_cast<ino_t>(file);
    part.stack = line.find("[stack") != std::string::npos;
    parts.push_back(part);
  }
  return parts;
}

// Whether the pages may be replaced: all there, writable, shared with nobody, and not the stack.
bool Replaceable(uint64_t begin, uint64_t end) {
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  uint64_t covered = begin;
  for (const MappedPart& part : PartsOf(begin, end)) {
    if (part.begin != covered || part.stack || std::strcmp(part.rights, "rw-p") != 0) {
      return false;
    }
    covered = part.end;
  }
  return covered == end && (here < begin || here >= end);
}

bool WriteAll(int fd, uint64_t begin, uint64_t size) {
  for (uint64_t done = 0; done < size;) {
    const ssize_t written = pwrite(fd, reinterpret_cast<const void*>(begin + done), size - done,
                                   static_cast<off_t>(done));
    if (written <= 0 && errno != EINTR) {
      return false;
    }
    done += static_cast<uint64_t>(std::max<ssize_t>(written, 0));
  }
  return true;
}

// Puts private pages with the same contents in the place of the file's, where they still are: the
// program may have unmapped some of them.
void MakePrivate(uint64_t begin, uint64_t size, ino_t file) {
  for (const MappedPart& part : PartsOf(begin, begin + size)) {
    if (part.file != file || std::strcmp(part.rights, "rw-s") != 0) {
      continue;
    }
    const uint64_t bytes = part.end - part.begin;
    void* const fresh =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto* const place = reinterpret_cast<void*>(part.begin);
    if (fresh == MAP_FAILED) {
      Log().warn("memory at {} stays shared: {}", place, std::strerror(errno));
      continue;
    }
    std::memcpy(fresh, place, bytes);
    if (mremap(fresh, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
      Log().warn("memory at {} stays shared: {}", place, std::strerror(errno));
      munmap(fresh, bytes);
    }
  }
}

}  // namespace

aclError HostRegistry::Register(void* memory, uint64_t size, bool mapped, bool lock) {
  const auto begin = reinterpret_cast<uint64_t>(memory);
  // Nothing is done to pinned memory, which begins anywhere: programs register what aclrtMallocHost
  // gives them.
  const bool whole_pages = !session_.window().Contains(begin);
  if ((whole_pages && begin % VNPU_PAGE_SIZE != 0) || size == 0 || size > VNPU_WINDOW_SIZE) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes at {}: the address must be a multiple of 4096, the size not 0", size,
                memory);
  }
  Entry entry{
      .size = whole_pages ? RoundUp(size, VNPU_PAGE_SIZE) : size, .mapped = mapped, .locked = lock};
  const std::lock_guard guard(mutex_);
  const auto after = entries_.lower_bound(begin + entry.size);
  if (after != entries_.begin()) {
    const auto& [other, old] = *std::prev(after);
    if (other + old.size > begin) {
      return Fail(ACL_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "memory at {:#x} is registered already",
                  other);
    }
  }
  if (!whole_pages) {
    if (lock || !session_.pinned_memory().Contains(begin) ||
        !session_.pinned_memory().Contains(begin + size - 1)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is {}", memory,
                  lock ? "not pageable host memory" : "not host memory");
    }
    entry.device_address = begin;
  } else {
    VNPU_RETURN_IF_ERROR(Share(begin, &entry));
  }
  entries_[begin] = entry;
  return ACL_SUCCESS;
}

aclError HostRegistry::Share(uint64_t begin, Entry* entry) {
  if (!Replaceable(begin, begin + entry->size)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes at {:#x} are not private writable memory of the process, or are a stack; "
                "register memory of malloc or of mmap with MAP_PRIVATE",
                entry->size, begin);
  }
  const UniqueFd fd = MakeMemfd("vnpu-registered", entry->size);
  struct stat file {};
  if (!fd.valid() || fstat(fd.get(), &file) != 0 || !WriteAll(fd.get(), begin, entry->size)) {
    return FailErrno(errno, "no memory to share with the device");
  }
  vnpu_ioc_pin request{};
  request.size = entry->size;
  request.fd = fd.get();
  if (const int result = session_.Call(VNPU_IOC_PIN, request); result < 0) {
    return FailErrno(-result, "the driver cannot pin the memory");
  }
  if (mmap(reinterpret_cast<void*>(begin), entry->size, PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_FIXED, fd.get(), 0) == MAP_FAILED) {
    const int error = errno;
    vnpu_ioc_unpin undo{.va = request.va, .reserved = 0};
    session_.Call(VNPU_IOC_UNPIN, undo);
    return FailErrno(error, "cannot replace the pages of the memory");
  }
  entry->device_address = request.va;
  entry->file = file.st_ino;
  return ACL_SUCCESS;
}

aclError HostRegistry::Unregister(void* memory) {
  const std::lock_guard guard(mutex_);
  const auto found = entries_.find(reinterpret_cast<uint64_t>(memory));
  if (found == entries_.end()) {
    return Fail(ACL_ERROR_HOST_MEMORY_NOT_REGISTERED,
                "{} is not the start of registered memory of this device", memory);
  }
  const Entry entry = found->second;
  if (entry.file != 0) {
    MakePrivate(found->first, entry.size, entry.file);
    vnpu_ioc_unpin request{.va = entry.device_address, .reserved = 0};
    if (const int result = session_.Call(VNPU_IOC_UNPIN, request); result < 0) {
      Log().warn("registered memory at {} was not given back: error {}", memory, -result);
    }
  }
  entries_.erase(found);
  return ACL_SUCCESS;
}

aclError HostRegistry::DevicePointer(const void* memory, uint64_t* address) const {
  const auto wanted = reinterpret_cast<uint64_t>(memory);
  const std::lock_guard guard(mutex_);
  const auto found = FindRange(entries_, wanted, [](const Entry& entry) { return entry.size; });
  if (found == entries_.end()) {
    return Fail(ACL_ERROR_HOST_MEMORY_NOT_REGISTERED, "{} is not registered with this device",
                memory);
  }
  if (!found->second.mapped) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} was registered without ACL_HOST_REG_MAPPED",
                memory);
  }
  *address = found->second.device_address + (wanted - found->first);
  return ACL_SUCCESS;
}

uint64_t HostRegistry::LockedAddress(const void* memory, uint64_t size) const {
  const auto wanted = reinterpret_cast<uint64_t>(memory);
  const std::lock_guard guard(mutex_);
  const auto found = FindRange(entries_, wanted, [](const Entry& entry) { return entry.size; });
  if (found == entries_.end() || !found->second.locked) {
    return 0;
  }
  const uint64_t offset = wanted - found->first;
  return size <= found->second.size - offset ? found->second.device_address + offset : 0;
}

void HostRegistry::Drop() {
  const std::lock_guard guard(mutex_);
  for (const auto& [begin, entry] : entries_) {
    if (entry.file != 0) {
      MakePrivate(begin, entry.size, entry.file);
    }
  }
  entries_.clear();
}

}  // namespace vnpu::runtime
