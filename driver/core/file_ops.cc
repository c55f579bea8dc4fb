#include "driver/core/file_ops.h"

#include <poll.h>
#include <vnpu/queue.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "driver/core/ioctl.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

// -EIO after the end of a session, -ENXIO before its beginning.
int NoSession(const FileState& state) { return state.ended ? -EIO : -ENXIO; }

int ManagerWrite(File&, Request&) { return -EINVAL; }
int ManagerRead(File&, Request&) { return -EINVAL; }
uint32_t ManagerPoll(File&) { return 0; }

int DeviceWrite(File& file, Request& request) {
  const FileState& state = file.state();
  if (state.session == nullptr) {
    return NoSession(state);
  }
  if (state.session->lost()) {
    return -EIO;
  }
  if ((state.features & VNPU_FEATURE_SUBMIT_WRITE) == 0 || request.data.empty() ||
      request.data.size() % sizeof(vnpu_sqe) != 0) {
    return -EINVAL;
  }
  std::vector<vnpu_sqe> sqes(request.data.size() / sizeof(vnpu_sqe));
  std::memcpy(sqes.data(), request.data.data(), request.data.size());
  const int appended = state.session->queues().Write(sqes);
  return appended == 0  ? -EAGAIN
         : appended < 0 ? appended
                        : appended * static_cast<int>(sizeof(vnpu_sqe));
}

// Completions, then one event for the loss of the device, then nothing but -EIO.
size_t TakeCompletions(FileState& state, std::span<vnpu_cqe> out) {
  size_t count = state.session != nullptr ? state.session->queues().Read(out) : 0;
  const bool lost = state.ended || state.session->lost();
  if (count == 0 && lost && !std::exchange(state.loss_reported, true)) {
    out[0] = {};
    out[0].queue_id = VNPU_NO_QUEUE;
    out[0].status = VNPU_E_DEVICE_LOST;
    count = 1;
  }
  return count;
}

int DeviceRead(File& file, Request& request) {
  FileState& state = file.state();
  if (state.session == nullptr && !state.ended) {
    return -ENXIO;
  }
  if (request.room < sizeof(vnpu_cqe)) {
    return -EINVAL;
  }
  std::vector<vnpu_cqe> cqes(std::min<size_t>(request.room, kMaxReadBytes) / sizeof(vnpu_cqe));
  const size_t count = TakeCompletions(state, cqes);
  if (count == 0) {
    return state.loss_reported ? -EIO : -EAGAIN;
  }
  request.data.resize(count * sizeof(vnpu_cqe));
  std::memcpy(request.data.data(), cqes.data(), request.data.size());
  return static_cast<int>(request.data.size());
}

uint32_t DevicePoll(File& file) {
  const FileState& state = file.state();
  if (state.ended || (state.session != nullptr && state.session->lost())) {
    return POLLIN | POLLRDNORM | POLLERR | POLLHUP;
  }
  if (state.session == nullptr) {
    return 0;
  }
  return (state.session->queues().Readable() ? POLLIN | POLLRDNORM : 0) |
         (state.session->queues().Writable() ? POLLOUT | POLLWRNORM : 0);
}

constexpr FileOperations kManagerOperations = {DispatchIoctl, ManagerWrite, ManagerRead,
                                               ManagerPoll};
constexpr FileOperations kDeviceOperations = {DispatchIoctl, DeviceWrite, DeviceRead, DevicePoll};

}  // namespace

const FileOperations& OperationsOf(const File& file) {
  return file.device() == nullptr ? kManagerOperations : kDeviceOperations;
}

bool IsQuick(const Request& request) {
  if (request.kind != RequestKind::kIoctl) {
    return true;
  }
  const IoctlEntry* entry = FindIoctl(request.command);
  return entry == nullptr || (entry->flags & kIoctlQuick) != 0;
}

}  // namespace vnpu::driver
