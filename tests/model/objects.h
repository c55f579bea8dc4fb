// What the model knows about each object. An object belongs to one thread at a time.
#ifndef VNPU_TESTS_MODEL_OBJECTS_H_
#define VNPU_TESTS_MODEL_OBJECTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "acl/acl_rt.h"
#include "acl/acl_rt_memory_soma.h"
#include "tests/model/clock.h"

namespace vnpu::model {

// A gate is something that a stream waits for and that only its thread can bring about: while it is
// closed, what lies behind it is certainly not over. A set of gates, by number.
using Gates = uint32_t;
inline constexpr uint32_t kMaxGates = 8;
inline constexpr int kNoGate = -1;

// Something that tasks read and write.
struct Resource {
  Use write;               // the last
  std::vector<Use> reads;  // since then
};

struct Context {
  aclrtContext handle = nullptr;
  bool shared = false;  // by all threads, none of which destroys it
};

struct Stream {
  aclrtStream handle = nullptr;
  const Context* context = nullptr;
  bool is_default = false;  // the context's: named by null
  uint32_t lane = 0;
  uint32_t priority = 0;
  uint32_t flags = 0;
  Clock clock;      // behind what its next task runs; its own lane: tasks submitted
  Gates gates = 0;  // behind which its last task is
  bool subscribed = false;

  Use Last() const { return {lane, clock.At(lane)}; }
};

enum class EventKind : uint8_t { kDefault, kFlags, kReusable };

struct Event {
  aclrtEvent handle = nullptr;
  EventKind kind = EventKind::kDefault;
  bool can_sync = true;
  bool has_time = true;
  bool ipc = false;  // for other processes, too: its records wait for each other
  bool recorded = false;
  Use record;   // the last
  Clock clock;  // what is over when it is
  Gates gates = 0;
  int gate = kNoGate;  // a stream waits for the record to come

  struct Wait {
    Use use;
    Gates gates = 0;
  };
  std::vector<Wait> waits;
};

// Every use of a notify changes it.
struct Notify : Resource {
  aclrtNotify handle = nullptr;
  int gate = kNoGate;
};

struct CountingNotify : Resource {
  aclrtCntNotify handle = nullptr;
  uint32_t value = 0;  // behind all uses
  int gate = kNoGate;
  uint32_t opening = 0;  // what ends the wait
  bool clears = false;
};

struct Pool {
  aclrtMemPool handle = nullptr;
  size_t max_size = 0;  // 0: that of the device
  size_t used = 0;      // bytes asked for
  size_t blocks = 0;    // in use
};

// A range of reserved addresses with room for one piece of physical memory.
struct Mapping {
  std::byte* address = nullptr;
  aclrtDrvMemHandle physical = nullptr;  // null: nothing is mapped
  size_t size = 0;
  bool huge = false;
};

enum class Place : uint8_t { kDevice, kPinned, kPageable, kPool, kMapped, kManaged };

struct Buffer : Resource {
  Place place = Place::kDevice;
  std::byte* address = nullptr;
  std::vector<std::byte> bytes;     // behind all uses
  std::byte* allocation = nullptr;  // what is freed; the buffer may be part of it
  size_t allocated = 0;
  bool huge_pages = false;
  Pool* pool = nullptr;
  Mapping* mapping = nullptr;

  bool OnDevice() const { return place != Place::kPinned && place != Place::kPageable; }
  bool HostReaches() const { return !OnDevice() || place == Place::kManaged; }
  // For tasks; pageable memory is copied at once.
  bool DeviceReaches() const { return place != Place::kPageable; }
  size_t size() const { return bytes.size(); }
};

// Eight bytes that streams write and wait for.
struct Word : Resource {
  uint64_t* address = nullptr;
  bool pinned = false;
  uint64_t value = 0;  // behind all uses
  int gate = kNoGate;
  uint64_t opening = 0;  // what ends the wait
};

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_OBJECTS_H_
