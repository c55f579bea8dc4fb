// The command line of npucc.
#ifndef TOOLS_NPUCC_OPTIONS_H_
#define TOOLS_NPUCC_OPTIONS_H_

#include <string>
#include <vector>

namespace vnpu::npucc {

// Words of a command line.
using Words = std::vector<std::string>;

inline void Append(Words* to, const Words& from) {
  to->insert(to->end(), from.begin(), from.end());
}

enum class Mode {
  kDevice,       // one source to a device image
  kCompile,      // sources to host objects
  kLink,         // sources and objects to a program
  kListImports,  // print the imports of the virtual core
  kEntries,      // print the kernels and variables of an image
};

// Dependency output, the -M options of the compilers.
struct DependencyOptions {
  bool enabled = false;              // -MD or -MMD
  bool system_headers = false;       // -MD
  bool phony = false;                // -MP
  std::string file;                  // -MF; empty: beside the output
  std::vector<std::string> targets;  // -MT and -MQ, as they go into the file; empty: the output
};

struct Options {
  Mode mode = Mode::kLink;
  bool verbose = false;
  std::string compiler;  // one command word
  std::string keep;      // directory for intermediate files; empty: remove them
  std::string output;    // -o; empty: by the compiler's rules
  std::string entries;   // image for kEntries
  std::vector<std::string> sources;
  DependencyOptions dependencies;

  std::vector<std::string> host_flags;    // for compiling the host half, in order
  std::vector<std::string> device_flags;  // those of them that also suit the device half
  std::vector<std::string> link_inputs;   // sources, objects, libraries and link options, in order
  bool debug_info = false;                // -g of any kind but -g0
};

// A mistake in the use of npucc; the text is one line for the user.
struct UsageError {
  std::string text;
};

// Nothing is left to do (--help, --version), or the mistake has been printed already.
struct Exit {
  int status = 0;
};

// Reads the command line. Throws UsageError and Exit.
Options ParseOptions(int argc, char** argv);

// True for names of C++ sources that npucc compiles itself.
bool IsSource(const std::string& path);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_OPTIONS_H_
