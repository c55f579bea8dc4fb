/* How the arguments of a kernel lie in its argument buffer: as the members of a C structure. */
#ifndef NPU_ARGS_H_
#define NPU_ARGS_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace npu::detail {

template <typename T>
inline constexpr bool kIsArgument = std::is_trivially_copyable_v<T> && !std::is_reference_v<T>;

/* Offsets, size and alignment of a list of parameters. */
template <typename... P>
struct ArgumentLayout {
  static constexpr std::size_t kCount = sizeof...(P);
  std::uint32_t offset[kCount + 1] = {};
  std::uint32_t size[kCount + 1] = {};
  std::uint32_t align = 1;
  std::uint32_t bytes = 0; /* of the buffer */
  std::uint32_t used = 0;  /* bytes that are no padding */

  constexpr ArgumentLayout() {
    std::size_t i = 0;
    (Add(i++, sizeof(P), alignof(P)), ...);
    bytes = (bytes + align - 1) / align * align;
  }

 private:
  constexpr void Add(std::size_t i, std::size_t param_size, std::size_t param_align) {
    if (param_align > align) align = static_cast<std::uint32_t>(param_align);
    bytes = static_cast<std::uint32_t>((bytes + param_align - 1) / param_align * param_align);
    offset[i] = bytes;
    size[i] = static_cast<std::uint32_t>(param_size);
    bytes += size[i];
    used += size[i];
  }
};

}  // namespace npu::detail

#endif /* NPU_ARGS_H_ */
