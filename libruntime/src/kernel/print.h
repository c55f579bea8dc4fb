// What kernels print, on its way to standard output: the client's side of uapi/vnpu/print.h.
#ifndef VNPU_LIBRUNTIME_SRC_KERNEL_PRINT_H_
#define VNPU_LIBRUNTIME_SRC_KERNEL_PRINT_H_

#include <vnpu/print.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;

// The text of one record, whose bytes are copied out of the ring already.
std::string PrintedText(const std::byte* record, size_t bytes);

// The rings of a session. Any thread.
class KernelPrints {
 public:
  explicit KernelPrints(Session& session) : session_(session) {}

  // Gives the device the rings, if it has none; called when an image comes that prints.
  aclError Prepare();
  // Bytes of the ring of each core, VNPU_PRINT_FIFO_MIN to VNPU_PRINT_FIFO_MAX, rounded up to 8.
  // What was printed so far goes to standard output.
  aclError SetFifoBytes(uint64_t bytes);
  uint32_t fifo_bytes() const { return fifo_bytes_.load(); }

  // Writes what has been printed to standard output: after tasks of queue `done` have ended, or of
  // all queues. Lines that other kernels have begun wait for their ends.
  void Flush(std::optional<uint32_t> done) {
    if (rings_.load(std::memory_order_acquire) != nullptr) {
      FlushRings(done);
    }
  }

 private:
  // What is known of one ring.
  struct Reader {
    uint64_t lost = 0;        // reported so far
    std::string begun;        // a line without its end
    uint32_t begun_by = 0;    // queue that it is of
    uint64_t begun_task = 0;  // and task
    uint32_t begun_block = 0;
  };

  void FlushRings(std::optional<uint32_t> done);
  void ReadRing(size_t index, std::optional<uint32_t> done, std::string* text);
  void Take(Reader* reader, const vnpu_print_record& record, const std::string& printed,
            std::string* text);
  size_t RingCount() const;
  std::string CoreName(size_t index) const;

  Session& session_;
  std::atomic<uint32_t> fifo_bytes_{VNPU_PRINT_FIFO_DEFAULT};
  std::mutex mutex_;
  std::atomic<std::byte*> rings_{nullptr};
  uint32_t ring_bytes_ = 0;
  std::vector<Reader> readers_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_KERNEL_PRINT_H_
