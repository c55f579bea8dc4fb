#ifndef TOOLS_NPUCC_HOST_H_
#define TOOLS_NPUCC_HOST_H_

#include "tools/npucc/unit.h"

namespace vnpu::npucc {

// Compiles the sources of the command line to host objects, with the images of their kernels
// inside. Throws Failed, after printing errors, UsageError and std::exception.
void CompileObjects(const Tools& tools);

// Compiles the sources and links everything to a program or shared library. Throws as above.
void LinkProgram(const Tools& tools);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_HOST_H_
