// A forked child shares nothing with the driver: the session belongs to the parent.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_FORK_H_
#define VNPU_LIBRUNTIME_SRC_BASE_FORK_H_

#include <atomic>

namespace vnpu::runtime {

namespace internal {
extern std::atomic<bool> forked;
}  // namespace internal

// True in a child that was forked while the parent had the driver open. Cheap.
inline bool ForkedWhileOpen() { return internal::forked.load(std::memory_order_relaxed); }

// A descriptor through which the driver is reached: closed in forked children, so that the
// driver sees the end of the parent. Forget it before closing it.
void CloseInChild(int fd);
void ForgetInChild(int fd);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_FORK_H_
