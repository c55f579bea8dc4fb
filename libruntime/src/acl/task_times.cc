#include <vnpu/queue.h>
#include <vnpu/task_times.h>

#include <memory>
#include <mutex>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/queue/submit_queue.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// The queue of a stream, with the session that keeps its memory.
struct QueueOf {
  std::shared_ptr<rt::Session> session;
  rt::SubmitQueue* queue = nullptr;
};

// Calls `use` with a live stream, whose lock is held.
template <class Use>
aclError WithStream(aclrtStream handle, Use&& use) {
  rt::Stream* stream = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(handle, &stream));
  const std::lock_guard lock(stream->lock);
  if (!stream->alive()) return rt::FailStaleStream(stream);
  use(*stream);
  return ACL_SUCCESS;
}

aclError FindQueue(aclrtStream handle, QueueOf* found) {
  return WithStream(handle, [&](rt::Stream& stream) { *found = {stream.session, stream.queue}; });
}

aclError CopyTimes(const rt::SubmitQueue& queue, uint64_t first, uint64_t count, uint64_t* start,
                   uint64_t* end) {
  const uint64_t done = queue.head();
  if (count > done || first > done - count) {
    return Fail(ACL_ERROR_INVALID_PARAM,
                "task {} is not finished; synchronize the stream before asking for times",
                first + count - 1);
  }
  if (first < queue.times_from()) {
    return Fail(ACL_ERROR_INVALID_PARAM,
                "the device did not note when task {} ran; call vnpuStreamRecordTaskTimes before "
                "submitting it",
                first);
  }
  const uint64_t entries = queue.spec().entries;
  const auto* times =
      reinterpret_cast<const vnpu_task_time*>(queue.memory() + vnpu_queue_times_offset(entries));
  for (uint64_t i = 0; i < count; ++i) {
    const vnpu_task_time& time = times[(first + i) & (entries - 1)];
    start[i] = rt::LoadShared(time.start);
    end[i] = rt::LoadShared(time.end);
  }
  // Only now: tasks that finished meanwhile have taken the places of older ones.
  if (queue.tail() - first > entries) {
    return Fail(ACL_ERROR_INVALID_PARAM,
                "task {} is too long ago; times are kept for the last {} tasks", first, entries);
  }
  return ACL_SUCCESS;
}

}  // namespace

uint64_t vnpuStreamGetTaskCount(aclrtStream stream) {
  QueueOf found;
  const aclError error = Guard(__func__, [&] { return FindQueue(stream, &found); });
  return error == ACL_SUCCESS && found.queue != nullptr ? found.queue->tail() : 0;
}

aclError vnpuStreamRecordTaskTimes(aclrtStream stream, int32_t record) {
  return Guard(__func__, [&]() -> aclError {
    if (record != 0 && record != 1) {
      return Fail(ACL_ERROR_INVALID_PARAM, "record is {}; it takes 0 or 1", record);
    }
    return WithStream(stream, [&](rt::Stream& found) { found.queue->RecordTimes(record == 1); });
  });
}

aclError vnpuStreamGetTaskTimes(aclrtStream stream, uint64_t firstTask, uint64_t count,
                                uint64_t* startTicks, uint64_t* endTicks) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(startTicks);
    VNPU_REQUIRE_NOT_NULL(endTicks);
    QueueOf found;
    VNPU_RETURN_IF_ERROR(FindQueue(stream, &found));
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): no success without a queue.
    return CopyTimes(*found.queue, firstTask, count, startTicks, endTicks);
  });
}

uint64_t vnpuDeviceClockHz(int32_t deviceId) {
  uint64_t hz = 0;
  Guard(__func__, [&]() -> aclError {
    const std::shared_ptr<rt::Session> session =
        rt::SessionOfDevice(static_cast<uint32_t>(deviceId));
    if (session == nullptr) {
      return Fail(ACL_ERROR_INVALID_PARAM, "device {} is not set; call aclrtSetDevice first",
                  deviceId);
    }
    hz = session->info().clock_hz;
    return ACL_SUCCESS;
  });
  return hz;
}
