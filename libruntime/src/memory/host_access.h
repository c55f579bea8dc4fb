// What memory of this process can be touched without a fault.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_HOST_ACCESS_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_HOST_ACCESS_H_

#include <cstdint>

#include "libruntime/src/base/unique_fd.h"

namespace vnpu::runtime {

// Any thread; of the process that made it, not of its forked children.
class HostAccess {
 public:
  HostAccess();

  // Whether all of the memory is mapped, may be read (or written), and is of no file, which could
  // end before its mapping does. False where the system does not tell: before Linux 6.11. It does
  // not tell of guard regions (madvise), protection keys and broken memory, nor of what other
  // threads unmap meanwhile: touching those faults as it does in any memcpy of the program's.
  bool MayTouch(uint64_t address, uint64_t bytes, bool write) const;

 private:
  UniqueFd maps_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_HOST_ACCESS_H_
