// An image that runs in the test's own process.
#ifndef TESTS_LOADER_LOADED_IMAGE_H_
#define TESTS_LOADER_LOADED_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "firmware/loader/loader.h"

namespace vnpu::firmware::testing {

// The services of a device process, for blocks that run on the calling thread.
DeviceServices TestServices();

class RunningImage {
 public:
  // Loads an image and protects its pages. Null, with the reason in *error, when it is refused.
  static std::unique_ptr<RunningImage> Make(std::span<const std::byte> image,
                                            std::string* error = nullptr);
  ~RunningImage();
  RunningImage(const RunningImage&) = delete;
  RunningImage& operator=(const RunningImage&) = delete;

  const ImagePlan& plan() const { return plan_; }
  const LoadedImage& loaded() const { return loaded_; }
  std::uint64_t base() const { return reinterpret_cast<std::uint64_t>(memory_.data()); }

  // Null when there is none of the name.
  const Kernel* Find(std::string_view name) const;
  const Global* FindGlobal(std::string_view name) const;

  // Runs all blocks, one after the other, on the calling thread.
  void Run(const Kernel& kernel, const void* args, std::uint32_t block_dim,
           std::uint32_t device = 0) const;

 private:
  explicit RunningImage(const ImagePlan& plan) : plan_(plan) {}

  ImagePlan plan_;
  LoadedImage loaded_;
  std::span<std::byte> memory_;
};

// A whole file.
std::string ReadImageFile(const std::string& path);

}  // namespace vnpu::firmware::testing

#endif  // TESTS_LOADER_LOADED_IMAGE_H_
