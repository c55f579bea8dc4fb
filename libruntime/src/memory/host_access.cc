#include "libruntime/src/memory/host_access.h"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace vnpu::runtime {
namespace {

// The argument of PROCMAP_QUERY, which the headers of older systems do not have; proc(5).
struct MapQuery {
  uint64_t size;  // of this structure
  uint64_t query_flags;
  uint64_t query_addr;
  uint64_t vma_start;
  uint64_t vma_end;
  uint64_t vma_flags;
  uint64_t vma_page_size;
  uint64_t vma_offset;
  uint64_t inode;  // 0: of no file
  uint32_t dev_major;
  uint32_t dev_minor;
  uint32_t vma_name_size;
  uint32_t build_id_size;
  uint64_t vma_name_addr;
  uint64_t build_id_addr;
};
static_assert(sizeof(MapQuery) == 104);

constexpr uint64_t kReadable = 1;
constexpr uint64_t kWritable = 2;

}  // namespace

HostAccess::HostAccess() : maps_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}

bool HostAccess::MayTouch(uint64_t address, uint64_t bytes, bool write) const {
  const uint64_t wanted = write ? kWritable : kReadable;
  const uint64_t end = address + bytes;
  if (!maps_.valid() || end < address) {
    return false;
  }
  while (address < end) {
    MapQuery query{};
    query.size = sizeof(query);
    query.query_flags = wanted;
    query.query_addr = address;
    if (ioctl(maps_.get(), _IOWR('f', 17, MapQuery), &query) != 0 || query.inode != 0 ||
        query.vma_end <= address) {
      return false;
    }
    address = query.vma_end;
  }
  return true;
}

}  // namespace vnpu::runtime
