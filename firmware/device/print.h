// What kernels print, put into rings that the client reads (uapi/vnpu/print.h).
#ifndef VNPU_FIRMWARE_DEVICE_PRINT_H_
#define VNPU_FIRMWARE_DEVICE_PRINT_H_

#include <vnpu/kernel_abi.h>
#include <vnpu/session.h>

#include <cstdint>

namespace vnpu::firmware {

// Where the rings are. Constant, for every worker.
class PrintRings {
 public:
  // `session` must outlive it; it says where the client has the rings, if it has any. They must lie
  // in the window that begins at `window_base`.
  PrintRings(const vnpu_session_mem* session, uint64_t window_base,
             const uint32_t (&units)[VNPU_UNIT_COUNT]);

  // Called by device code, as vnpu_print(): may fault in what it was given or in the client's
  // memory, and be stopped anywhere. Such a record is never seen.
  int Print(const vnpu_block& block, const char* format, const vnpu_print_arg* args,
            uint32_t count) const;

 private:
  // The ring of a core, 0: none.
  uint64_t Ring(const vnpu_block& block, uint64_t* bytes) const;

  const vnpu_session_mem* session_;
  uint64_t window_base_;
  uint32_t first_[VNPU_UNIT_COUNT];  // number of the ring of each unit's core 0
  uint32_t count_[VNPU_UNIT_COUNT];
  uint32_t rings_;
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_PRINT_H_
