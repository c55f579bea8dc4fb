// Kinds of host functions.
#ifndef VNPU_LIBRUNTIME_SRC_CALLBACK_CALL_KIND_H_
#define VNPU_LIBRUNTIME_SRC_CALLBACK_CALL_KIND_H_

#include <cstdint>

namespace vnpu::runtime {

// Which functions made the call; a stream may have a thread for each.
// kInternal: of the library itself, always served by its own thread.
enum class CallKind : uint8_t { kReport, kHostFunc, kInternal };

using HostFunction = void (*)(void* argument);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_CALLBACK_CALL_KIND_H_
