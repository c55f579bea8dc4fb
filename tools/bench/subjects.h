// The measurements of each subject. The report has them in the order of AllMeasurements.
#ifndef VNPU_TOOLS_BENCH_SUBJECTS_H_
#define VNPU_TOOLS_BENCH_SUBJECTS_H_

#include <vector>

#include "tools/bench/figure.h"

namespace vnpu::bench {

using Measurements = std::vector<Measurement>;

Measurements ReferenceMeasurements();   // what the machine itself can do
Measurements PoclMeasurements();        // OpenCL on CPUs, doing the same work
Measurements LaunchMeasurements();      // launching kernels
Measurements DeviceTimeMeasurements();  // between tasks, as the device recorded them
Measurements EventMeasurements();       // events and streams that wait for each other
Measurements GraphMeasurements();       // models
Measurements CopyMeasurements();        // copies
Measurements MemoryMeasurements();      // allocation
Measurements StreamMeasurements();      // making streams, and using many
Measurements IdleMeasurements();        // sleeping and waking
Measurements VariantMeasurements();     // fresh processes: cold start, other paths, one CPU

Measurements AllMeasurements();

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_SUBJECTS_H_
