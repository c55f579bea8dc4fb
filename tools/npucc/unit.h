// One source on its way through npucc.
#ifndef TOOLS_NPUCC_UNIT_H_
#define TOOLS_NPUCC_UNIT_H_

#include <string>
#include <vector>

#include "tools/npucc/kernels.h"
#include "tools/npucc/launches.h"
#include "tools/npucc/options.h"
#include "tools/npucc/process.h"

namespace vnpu::npucc {

// The compilation of the user's source failed; its errors have been printed already.
struct Failed {};

// What all steps share.
struct Tools {
  const Options& options;
  const WorkDirectory& work;
  std::string include;  // directory of kernel_operator.h and npu/

  // Runs a command, prints it when verbose. Diagnostics that were printed before are not repeated.
  // Throws Failed, after printing them, when the command fails.
  CommandResult Run(const std::vector<std::string>& command) const;
};

struct Unit {
  std::string path;  // as the user gave it
  std::string stem;  // for names of intermediate files
  RewrittenSource source;
  KernelScan scan;
};

// Reads a source, rewrites its launches and finds its kernels. Throws Failed, after printing
// errors, and std::system_error.
Unit ReadUnit(const Tools& tools, const std::string& path);

// The text of a compilation of `unit`: its source and then `appendix`, with the names and lines of
// the user's file. Returns the path of the written file.
std::string WriteUnit(const Tools& tools, const Unit& unit, const std::string& suffix,
                      const std::string& appendix);

// Flags that every compilation of a unit needs, in front of the user's.
std::vector<std::string> UnitFlags(const Tools& tools, const Unit& unit, bool device);

// "#line" directive; the text that follows it comes from that place.
std::string LineDirective(const std::string& file, std::uint32_t line);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_UNIT_H_
