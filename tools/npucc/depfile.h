#ifndef TOOLS_NPUCC_DEPFILE_H_
#define TOOLS_NPUCC_DEPFILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "tools/npucc/options.h"

namespace vnpu::npucc {

// The prerequisites of a make rule, as written (spaces stay escaped).
std::vector<std::string> Prerequisites(std::string_view rule);

// One rule that makes `output` from the prerequisites of several rules. The source comes first;
// files in `work` (a directory, the intermediate files) are left out.
std::string MergeRules(const DependencyOptions& options, const std::vector<std::string>& rules,
                       const std::string& source, const std::string& output,
                       const std::string& work);

// Name of the dependency file of an output.
std::string DependencyFile(const DependencyOptions& options, const std::string& output);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_DEPFILE_H_
