#ifndef TOOLS_NPUCC_IMAGE_H_
#define TOOLS_NPUCC_IMAGE_H_

#include <string>
#include <string_view>

#include "firmware/loader/loader.h"

namespace vnpu::npucc {

// Loads an image as the device would, at address 0, into memory that is given back at once.
firmware::Result<firmware::LoadedImage> LoadImage(std::string_view image);

// The kernels and variables of an image, for people.
std::string DescribeImage(const firmware::LoadedImage& image);

// The functions that kernels may call, one a line.
std::string DescribeImports();

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_IMAGE_H_
