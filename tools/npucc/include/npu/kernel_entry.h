/* Device compilation: thunks and entries of kernels. npucc includes this header before a source
 * with kernels and appends one NPUCC_KERNEL_ENTRY a kernel to it; the linker sorts them by id. */
#ifndef NPU_KERNEL_ENTRY_H_
#define NPU_KERNEL_ENTRY_H_

#include <vnpu/kernel_abi.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "npu/args.h"

/* Code that cannot be reached, because nothing in an image throws, still names these functions;
 * assert and abort end in a device trap. */
__asm__(
    ".pushsection .text.npucc_trap,\"ax\",@progbits\n"
    ".irp name, _Unwind_Resume, __gxx_personality_v0, __cxa_begin_catch, __cxa_end_catch, "
    "__cxa_pure_virtual, __cxa_call_terminate, _ZSt9terminatev, abort, __assert_fail, "
    "_ZSt21__glibcxx_assert_failPKciS0_S0_\n"
    ".weak \\name\n"
    ".hidden \\name\n"
    ".type \\name,@function\n"
    "\\name:\n"
    ".endr\n"
    "ud2\n"
    ".popsection\n"
    /* Type information, which virtual tables refer to, has these as its own type. */
    ".pushsection .rodata.npucc_types,\"a\",@progbits\n"
    ".balign 8\n"
    ".irp name, _ZTVN10__cxxabiv117__class_type_infoE, "
    "_ZTVN10__cxxabiv120__si_class_type_infoE, _ZTVN10__cxxabiv121__vmi_class_type_infoE\n"
    ".weak \\name\n"
    ".hidden \\name\n"
    "\\name:\n"
    ".endr\n"
    ".zero 88\n"
    ".popsection\n");

namespace npu::detail {

template <typename T>
inline T LoadArgument(const unsigned char* from) {
  struct Bytes {
    alignas(T) unsigned char raw[sizeof(T)];
  } bytes;
  __builtin_memcpy(bytes.raw, from, sizeof(T));
  return __builtin_bit_cast(T, bytes);
}

/* What is known of a kernel at compile time. */
template <auto K, typename R, typename... P>
struct KernelTraitsOf {
  static constexpr bool kReturnsVoid = std::is_void_v<R>;
  static constexpr bool kReturnsStatus = std::is_integral_v<R> || std::is_enum_v<R>;
  static constexpr bool kArgumentsCopy = (kIsArgument<P> && ...);
  static constexpr std::size_t kCount = sizeof...(P);
  static constexpr ArgumentLayout<std::remove_reference_t<P>...> kLayout{};

  struct ParamTable {
    vnpu_kernel_param params[kCount + 1];
  };
  static constexpr ParamTable MakeParams() {
    ParamTable table{};
    for (std::size_t i = 0; i < kCount; ++i) table.params[i] = {kLayout.offset[i], kLayout.size[i]};
    return table;
  }
  static constexpr ParamTable kParams = MakeParams();

  static void Thunk(const void* args, const vnpu_block*) {
    Call(static_cast<const unsigned char*>(args), std::make_index_sequence<kCount>());
  }

 private:
  template <std::size_t... I>
  static void Call([[maybe_unused]] const unsigned char* args, std::index_sequence<I...>) {
    if constexpr (!kArgumentsCopy) {
      return;
    } else if constexpr (kReturnsStatus) {
      if (K(LoadArgument<P>(args + kLayout.offset[I])...) != R{}) __builtin_trap();
    } else {
      K(LoadArgument<P>(args + kLayout.offset[I])...);
    }
  }
};

template <auto K, typename F = std::remove_pointer_t<decltype(K)>>
struct KernelTraits;
template <auto K, typename R, typename... P>
struct KernelTraits<K, R(P...)> : KernelTraitsOf<K, R, P...> {};
template <auto K, typename R, typename... P>
struct KernelTraits<K, R(P...) noexcept> : KernelTraitsOf<K, R, P...> {};

/* What npucc asserts of each kernel, at the kernel's own line. */
template <auto K>
struct KernelCheck {
  using Traits = KernelTraits<K>;
  template <std::uint32_t core>
  static constexpr bool kResult = Traits::kReturnsVoid ||
                                  (core == VNPU_UNIT_AI_CPU && Traits::kReturnsStatus);
  static constexpr bool kCopy = Traits::kArgumentsCopy;
  static constexpr bool kCount = Traits::kCount <= VNPU_MAX_KERNEL_PARAMS;
  static constexpr bool kSize = Traits::kLayout.bytes <= VNPU_MAX_ARG_BYTES;
  template <std::uint32_t core, int cube, int vector>
  static constexpr bool kRatio = core != VNPU_UNIT_MIX || (cube >= 0 && vector >= 0 && cube <= 64 &&
                                                           vector <= 64 && cube + vector > 0);
};

template <auto K>
constexpr vnpu_kernel_entry MakeEntry(const char* name, std::uint32_t core, std::uint16_t cube,
                                      std::uint16_t vector) {
  using Traits = KernelTraits<K>;
  vnpu_kernel_entry entry{};
  entry.name = name;
  entry.thunk = &Traits::Thunk;
  entry.params = Traits::kParams.params;
  entry.core_type = core;
  entry.param_count = Traits::kCount;
  entry.args_size = Traits::kLayout.bytes;
  entry.args_align = Traits::kLayout.align;
  entry.cube_ratio = cube;
  entry.vector_ratio = vector;
  return entry;
}

}  // namespace npu::detail

#define NPUCC_KERNEL_ENTRY(id, kernel, name, core, cube, vector)             \
  namespace {                                                                \
  __attribute__((section("vnpu_kernels." #id), used,                         \
                 aligned(8))) constexpr vnpu_kernel_entry npucc_entry_##id = \
      ::npu::detail::MakeEntry<&kernel>(name, core, cube, vector);           \
  }

#endif /* NPU_KERNEL_ENTRY_H_ */
