/* Printing from kernels: AscendC::printf and PRINTF. The text appears on the standard output of the
 * host when it synchronises. Format and arguments as of printf(3), without %n; 64 arguments and
 * 4095 characters of each text at most. */
#ifndef NPU_PRINT_H_
#define NPU_PRINT_H_

#include <vnpu/kernel_abi.h>

#include <cstdint>
#include <type_traits>

#if !defined(__NPU_DEVICE__)
#include <cstdio>
#endif

namespace npu::detail {

template <typename T>
inline vnpu_print_arg PrintArg(T value) noexcept {
  vnpu_print_arg arg{VNPU_PRINT_UNSIGNED, sizeof(T), 0};
  if constexpr (std::is_pointer_v<T>) {
    using Pointee = std::remove_cv_t<std::remove_pointer_t<T>>;
    arg.kind = std::is_same_v<Pointee, char> ? VNPU_PRINT_STRING : VNPU_PRINT_POINTER;
    arg.bits = reinterpret_cast<std::uint64_t>(value);
  } else if constexpr (std::is_null_pointer_v<T>) {
    arg.kind = VNPU_PRINT_POINTER;
  } else if constexpr (std::is_enum_v<T>) {
    arg = PrintArg(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_class_v<T>) {
    /* block_idx and block_num. */
    arg = PrintArg(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_integral_v<T>) {
    arg.kind = std::is_signed_v<T> ? VNPU_PRINT_SIGNED : VNPU_PRINT_UNSIGNED;
    arg.bits = static_cast<std::uint64_t>(value);
  } else {
    /* float, double, half. */
    arg.kind = VNPU_PRINT_REAL;
    const double real = static_cast<double>(value);
    __builtin_memcpy(&arg.bits, &real, sizeof(real));
  }
  return arg;
}

}  // namespace npu::detail

namespace AscendC {

#if defined(__NPU_DEVICE__)
template <typename... Args>
inline int printf(const char* format, Args... args) noexcept {
  static_assert(sizeof...(Args) <= VNPU_PRINT_MAX_ARGS, "printf takes 64 arguments at most");
  const vnpu_print_arg list[sizeof...(Args) + 1] = {npu::detail::PrintArg(args)..., {}};
  return vnpu_print(format, list, sizeof...(Args));
}
#else
/* Host code of a source with kernels means the C library's. */
using ::printf;
#endif

}  // namespace AscendC

#if defined(__NPU_DEVICE__)
using AscendC::printf;
#endif

#define PRINTF(...) ::AscendC::printf(__VA_ARGS__)

#endif /* NPU_PRINT_H_ */
