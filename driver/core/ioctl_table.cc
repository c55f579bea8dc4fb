#include <algorithm>
#include <array>

#include "driver/core/ioctl.h"

namespace vnpu::driver {
namespace {

// Handlers that only pass the structure on to a part of the session.
template <auto Part, auto Method, typename Arg>
int OnSession(const IoctlCall& call) {
  auto& part = (call.session().*Part)();
  if constexpr (std::is_invocable_v<decltype(Method), decltype(part), Arg*>) {
    return (part.*Method)(call.as<Arg>());
  } else {
    return (part.*Method)(*call.as<Arg>());
  }
}

constexpr auto kMemory = &Session::memory;
constexpr auto kQueues = &Session::queues;
constexpr auto kEvents = &Session::events;
constexpr auto kNotifies = &Session::notifies;
constexpr auto kInterrupts = &Session::interrupts;
constexpr auto kModules = &Session::modules;
constexpr auto kModels = &Session::models;

constexpr auto kAny = IoctlPermission::kAny;
constexpr auto kOpener = IoctlPermission::kOpener;
constexpr auto kPrivileged = IoctlPermission::kPrivileged;
constexpr auto kPrivilegedOpener = IoctlPermission::kPrivilegedOpener;

// Books of the driver alone; and with the device process. Freeing memory is not quick: the pages go
// at once.
constexpr uint32_t kBooks = kIoctlQuick | kIoctlNeedsSession;
constexpr uint32_t kDevice = kIoctlNeedsSession | kIoctlNeedsDevice;
constexpr uint32_t kBooksDevice = kBooks | kIoctlNeedsDevice;

#define COMMAND(name) static_cast<uint32_t>(name), #name

// clang-format off
constexpr std::array kTable = {
    IoctlEntry{COMMAND(VNPU_IOC_VERSION), kOnBoth, kAny,
               kIoctlQuick | kIoctlBeforeVersion | kIoctlAnswersErrors, IoctlVersion},
    IoctlEntry{COMMAND(VNPU_IOC_DEVICE_QUERY), kOnBoth, kAny, kIoctlQuick, IoctlDeviceQuery},

    IoctlEntry{COMMAND(VNPU_IOC_MANAGER), kOnManager, kAny, kIoctlQuick, IoctlManager},
    IoctlEntry{COMMAND(VNPU_IOC_PROCESS), kOnManager, kAny, kIoctlQuick, IoctlProcess},
    IoctlEntry{COMMAND(VNPU_IOC_COUNTERS), kOnManager, kAny, kIoctlQuick, IoctlCounters},
    IoctlEntry{COMMAND(VNPU_IOC_RESET), kOnManager, kPrivileged, 0, IoctlReset},
    IoctlEntry{COMMAND(VNPU_IOC_FAULT), kOnManager, kPrivileged, kIoctlQuick, IoctlFault},
    IoctlEntry{COMMAND(VNPU_IOC_SELF), kOnManager, kAny, kIoctlQuick, IoctlSelf},
    IoctlEntry{COMMAND(VNPU_IOC_IDENTITY), kOnManager, kAny, kIoctlQuick, IoctlIdentity},
    IoctlEntry{COMMAND(VNPU_IOC_FIRMWARE), kOnManager, kAny, kIoctlQuick, IoctlFirmware},
    IoctlEntry{COMMAND(VNPU_IOC_FIRMWARE_UPGRADE), kOnManager, kPrivilegedOpener,
               kIoctlAnswersErrors, IoctlFirmwareUpgrade},

    IoctlEntry{COMMAND(VNPU_IOC_SESSION), kOnDevice, kOpener, 0, IoctlSession},

    IoctlEntry{COMMAND(VNPU_IOC_RESERVE), kOnDevice, kAny, kBooks,
               OnSession<kMemory, &SessionMemory::Reserve, vnpu_ioc_reserve>},
    IoctlEntry{COMMAND(VNPU_IOC_RELEASE), kOnDevice, kAny, kBooks,
               OnSession<kMemory, &SessionMemory::Release, vnpu_ioc_release>},
    IoctlEntry{COMMAND(VNPU_IOC_PMEM_ALLOC), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::Alloc, vnpu_ioc_pmem_alloc>},
    IoctlEntry{COMMAND(VNPU_IOC_PMEM_FREE), kOnDevice, kAny, kIoctlNeedsSession,
               OnSession<kMemory, &SessionMemory::Free, vnpu_ioc_pmem_free>},
    IoctlEntry{COMMAND(VNPU_IOC_MAP), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::Map, vnpu_ioc_map>},
    IoctlEntry{COMMAND(VNPU_IOC_UNMAP), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::Unmap, vnpu_ioc_unmap>},
    IoctlEntry{COMMAND(VNPU_IOC_PROTECT), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::Protect, vnpu_ioc_protect>},
    IoctlEntry{COMMAND(VNPU_IOC_MEM_QUERY), kOnDevice, kAny, kBooks,
               OnSession<kMemory, &SessionMemory::Query, vnpu_ioc_mem_query>},
    IoctlEntry{COMMAND(VNPU_IOC_PIN), kOnDevice, kOpener, kDevice, IoctlPin},
    IoctlEntry{COMMAND(VNPU_IOC_UNPIN), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::Unpin, vnpu_ioc_unpin>},
    IoctlEntry{COMMAND(VNPU_IOC_EXPORT), kOnDevice, kAny, kBooksDevice,
               OnSession<kMemory, &SessionMemory::ExportObject, vnpu_ioc_export>},
    IoctlEntry{COMMAND(VNPU_IOC_SHARE_ALLOW), kOnDevice, kAny, kBooksDevice,
               OnSession<kMemory, &SessionMemory::Allow, vnpu_ioc_share_allow>},
    IoctlEntry{COMMAND(VNPU_IOC_UNEXPORT), kOnDevice, kAny, kBooks,
               OnSession<kMemory, &SessionMemory::Unexport, vnpu_ioc_unexport>},
    IoctlEntry{COMMAND(VNPU_IOC_IMPORT), kOnDevice, kAny, kBooksDevice,
               OnSession<kMemory, &SessionMemory::Import, vnpu_ioc_import>},
    IoctlEntry{COMMAND(VNPU_IOC_PMEM_HOST), kOnDevice, kOpener, kDevice, IoctlPmemHost},
    IoctlEntry{COMMAND(VNPU_IOC_WINDOW_ADD), kOnDevice, kAny, kDevice,
               OnSession<kMemory, &SessionMemory::AddWindow, vnpu_ioc_window_add>},

    IoctlEntry{COMMAND(VNPU_IOC_QMEM_ADD), kOnDevice, kOpener, kDevice, IoctlQmemAdd},
    IoctlEntry{COMMAND(VNPU_IOC_QMEM_DEL), kOnDevice, kAny, kDevice,
               OnSession<kQueues, &SessionQueues::DeleteQmem, vnpu_ioc_qmem_del>},
    IoctlEntry{COMMAND(VNPU_IOC_QUEUE_CREATE), kOnDevice, kAny, kDevice,
               OnSession<kQueues, &SessionQueues::Create, vnpu_ioc_queue_create>},
    IoctlEntry{COMMAND(VNPU_IOC_QUEUE_DESTROY), kOnDevice, kAny, kDevice,
               OnSession<kQueues, &SessionQueues::Destroy, vnpu_ioc_queue_destroy>},
    IoctlEntry{COMMAND(VNPU_IOC_QUEUE_QUERY), kOnDevice, kAny, kBooks,
               OnSession<kQueues, &SessionQueues::Query, vnpu_ioc_queue_query>},
    IoctlEntry{COMMAND(VNPU_IOC_QUEUE_SET), kOnDevice, kAny, kDevice,
               OnSession<kQueues, &SessionQueues::Set, vnpu_ioc_queue_set>},
    IoctlEntry{COMMAND(VNPU_IOC_QUEUE_ABORT), kOnDevice, kAny, kDevice,
               OnSession<kQueues, &SessionQueues::Abort, vnpu_ioc_queue_abort>},
    IoctlEntry{COMMAND(VNPU_IOC_SUBMIT), kOnDevice, kAny, kBooksDevice, IoctlSubmit},

    IoctlEntry{COMMAND(VNPU_IOC_EVENT_ALLOC), kOnDevice, kAny, kBooksDevice,
               OnSession<kEvents, &SessionEvents::Alloc, vnpu_ioc_event_alloc>},
    IoctlEntry{COMMAND(VNPU_IOC_EVENT_FREE), kOnDevice, kAny, kDevice,
               OnSession<kEvents, &SessionEvents::Free, vnpu_ioc_event_free>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_ALLOC), kOnDevice, kAny, kBooksDevice,
               OnSession<kNotifies, &SessionNotifies::Alloc, vnpu_ioc_notify_alloc>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_FREE), kOnDevice, kAny, kDevice,
               OnSession<kNotifies, &SessionNotifies::Free, vnpu_ioc_notify_free>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_RESET), kOnDevice, kAny, kDevice,
               OnSession<kNotifies, &SessionNotifies::Reset, vnpu_ioc_notify_reset>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_SHARE), kOnDevice, kAny, kDevice,
               OnSession<kNotifies, &SessionNotifies::Share, vnpu_ioc_notify_share>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_ALLOW), kOnDevice, kAny, kBooks,
               OnSession<kNotifies, &SessionNotifies::Allow, vnpu_ioc_notify_allow>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_OPEN), kOnDevice, kAny, kDevice,
               OnSession<kNotifies, &SessionNotifies::Open, vnpu_ioc_notify_open>},
    IoctlEntry{COMMAND(VNPU_IOC_NOTIFY_SEQ), kOnDevice, kAny, kBooks,
               OnSession<kNotifies, &SessionNotifies::Seq, vnpu_ioc_notify_seq>},
    IoctlEntry{COMMAND(VNPU_IOC_IRQ_ADD), kOnDevice, kOpener, kDevice, IoctlIrqAdd},
    IoctlEntry{COMMAND(VNPU_IOC_IRQ_DEL), kOnDevice, kAny, kDevice,
               OnSession<kInterrupts, &SessionInterrupts::Delete, vnpu_ioc_irq_del>},

    IoctlEntry{COMMAND(VNPU_IOC_MODULE_LOAD), kOnDevice, kOpener, kDevice | kIoctlAnswersErrors,
               IoctlModuleLoad},
    IoctlEntry{COMMAND(VNPU_IOC_MODULE_UNLOAD), kOnDevice, kAny, kDevice,
               OnSession<kModules, &SessionModules::Unload, vnpu_ioc_module_unload>},
    IoctlEntry{COMMAND(VNPU_IOC_MODULE_SYMBOL), kOnDevice, kAny, kDevice,
               OnSession<kModules, &SessionModules::Symbol, vnpu_ioc_module_symbol>},

    IoctlEntry{COMMAND(VNPU_IOC_MODEL_CREATE), kOnDevice, kOpener, kDevice, IoctlModelCreate},
    IoctlEntry{COMMAND(VNPU_IOC_MODEL_DESTROY), kOnDevice, kAny, kDevice,
               OnSession<kModels, &SessionModels::Destroy, vnpu_ioc_model_destroy>},
    IoctlEntry{COMMAND(VNPU_IOC_MODEL_ABORT), kOnDevice, kAny, kDevice,
               OnSession<kModels, &SessionModels::Abort, vnpu_ioc_model_abort>},
};
// clang-format on

#undef COMMAND

}  // namespace

std::span<const IoctlEntry> IoctlTable() { return kTable; }

const IoctlEntry* FindIoctl(uint32_t command) {
  const auto* it = std::find_if(kTable.begin(), kTable.end(),
                                [command](const IoctlEntry& e) { return e.command == command; });
  return it == kTable.end() ? nullptr : it;
}

}  // namespace vnpu::driver
