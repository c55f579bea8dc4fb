// Control messages between the driver and a device process.
//
// A SOCK_SEQPACKET socketpair; the device process has its end as descriptor 3. The driver sends one
// request (ControlRequest, descriptors by SCM_RIGHTS) and waits for the one reply before the next;
// a reply that does not come within the driver's limit means the process is killed. The driver
// has checked every field against its own records; the device process checks again what could
// break the process itself, and answers -errno.
//
// The device process exits when the socket closes.
#ifndef VNPU_FIRMWARE_DEVICE_CONTROL_H_
#define VNPU_FIRMWARE_DEVICE_CONTROL_H_

#include <vnpu/abi.h>
#include <vnpu/ioctl.h>

#include <cstdint>

namespace vnpu::firmware {

inline constexpr int kControlFd = 3;
// With the argument --compat: the compat part (firmware/compat/compat.h), closed once it is loaded.
inline constexpr int kCompatFd = 4;

enum class ControlOp : uint32_t {
  kInit,         // fds: session memory, kick eventfd, page table (read-only), board, driver eventfd
  kMap,          // fds: the memory object
  kUnmap,        // PROT_NONE over the range, when no DMA or kernel start can still use it
  kProtect,      //
  kQmemAdd,      // fds: the queue memory
  kQmemDel,      //
  kQueueCreate,  //
  kQueueDestroy,  // reply -EBUSY without force while tasks are left
  kQueueSet,      //
  kIrqAdd,        // fds: the eventfd; none for an io_uring
  kIrqDel,        //
  kEventFree,     // reply -EBUSY while a task waits for it
  kModuleLoad,    // fds: the image, the device memory object; already mapped RW at va
  kModuleUnload,  //
  kModuleSymbol,  //
  kWindowAdd,     // the further window [map.va, map.va + map.size); -EADDRINUSE: cannot have it
  kNotifyFree,    // reply -EBUSY while a task waits for it
  kNotifyReset,   //
  kNotifyBind,    // fds: the page (notify_page.h)
  kQueueAbort,    // queue: queue_id and flags (VNPU_ABORT_ONE)
  kModelCreate,   // fds: the model's memory
  kModelDestroy,  // model: model_id; reply -EBUSY while a run is under way or waits for its turn
  kModelAbort,    // model: model_id
  kCount,
};

// `driver eventfd` of kInit: the device adds 1 to it when it finds driver_wait of a queue set
// (queue.h), after posting a CQE or advancing sq_head.
struct ControlInit {
  uint64_t window_base;
  uint64_t clock_hz;
  uint32_t board_slot;
  uint32_t client_pid;  // for process_vm_readv, in the device process's pid namespace
  uint32_t device;      // number of the device
  uint32_t flags;       // VNPU_SESSION_*
  uint32_t units[VNPU_UNIT_COUNT];
};

struct ControlMap {  // also kUnmap and kWindowAdd (va, size), and kProtect (va, size, prot)
  uint64_t va;
  uint64_t size;
  uint64_t offset;  // in the object
  uint32_t prot;    // VNPU_PROT_*
  uint32_t reserved;
};

struct ControlQmem {
  uint32_t qmem_id;
  uint32_t reserved;
  uint64_t size;
};

struct ControlQueue {  // create; destroy uses queue_id and flags (VNPU_DESTROY_FORCE)
  uint32_t queue_id;
  uint32_t qmem_id;
  uint64_t offset;
  uint32_t sq_entries;
  uint32_t arg_bytes;
  uint32_t priority;
  uint32_t flags;  // VNPU_QUEUE_*
};

struct ControlQueueSet {
  uint32_t queue_id;
  uint32_t attr;
  uint64_t value;
};

// Linux does not let an io_uring travel by SCM_RIGHTS: the device process takes it from the client
// by pidfd_getfd, as it may where it may read the client's pageable memory.
struct ControlIrq {
  uint32_t irq_id;
  uint32_t kind;
  uint64_t user_data;
  int32_t client_fd;  // VNPU_IRQ_URING: the client's number
  uint32_t reserved;
};

struct ControlEvent {
  uint32_t event_id;
  uint32_t reserved;
};

struct ControlNotify {
  uint32_t notify_id;
  uint32_t carry;  // kNotifyBind: 1: the counter moves to the page
};

struct ControlModel {  // kModelCreate; the others use model_id alone
  uint32_t model_id;
  uint32_t max_streams;
  uint32_t max_graphs;
  uint32_t max_registers;
  uint64_t size;
};

// The driver has parsed the image (firmware/loader), reserved `span` bytes at va, mapped an object
// of HBM there and asks the device process to load into it and to set each segment's protection.
struct ControlModule {  // kModuleUnload: module_id alone
  uint32_t module_id;
  uint32_t kernels;  // reply
  uint64_t va;
  uint64_t span;
  uint64_t image_bytes;
  char message[216];  // reply, on -ENOEXEC
};

struct ControlRequest {
  ControlOp op;
  uint32_t number;  // the reply repeats it: one that answers nothing is not taken for the next
  union {
    ControlInit init;
    ControlMap map;
    ControlQmem qmem;
    ControlQueue queue;
    ControlQueueSet queue_set;
    ControlIrq irq;
    ControlEvent event;
    ControlModule module;
    ControlNotify notify;
    ControlModel model;
    vnpu_ioc_module_symbol symbol;  // kModuleSymbol: as in the ioctl, in and out
  };
};

// The one message of `vnpu-device --self-test`.
struct SelfTestReport {
  static constexpr int32_t kNotLoaded = INT32_MIN;
  int32_t result;  // 0: the plug-in may be used; kNotLoaded: its self-test was not reached
  char message[252];
};

struct ControlDropped {  // reply of kQueueAbort, as in the ioctl
  uint64_t from;
  uint64_t until;
};

struct ControlReply {
  int32_t result;   // 0 or -errno
  uint32_t number;  // of the request
  union {
    ControlModule module;
    vnpu_ioc_module_symbol symbol;
    ControlDropped dropped;
  };
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_CONTROL_H_
