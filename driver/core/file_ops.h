// Operations of open files, one table a kind of node.
#ifndef VNPU_DRIVER_CORE_FILE_OPS_H_
#define VNPU_DRIVER_CORE_FILE_OPS_H_

#include <cstdint>

#include "driver/core/file.h"
#include "driver/core/request.h"

namespace vnpu::driver {

// Each answers >= 0 or -errno and never waits: -EAGAIN when it would have to.
struct FileOperations {
  int (*ioctl)(File& file, Request& request);
  int (*write)(File& file, Request& request);  // bytes taken
  int (*read)(File& file, Request& request);   // bytes put into request.data
  uint32_t (*poll)(File& file);                // poll(2) bits that hold now
};

const FileOperations& OperationsOf(const File& file);

// True when the operation takes microseconds and needs no answer of a device process.
bool IsQuick(const Request& request);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_FILE_OPS_H_
