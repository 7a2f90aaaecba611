//! The client's core natively, by criterion; `tests/bench/engine` sets its figures beside those of the same work in wasm.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use poplar_bench::{Kind, Work};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("engine");
    for kind in Kind::ALL {
        let work = Work::new(kind);
        group.throughput(Throughput::Bytes(work.octets() as u64));
        group.bench_function(kind.name(), |bencher| bencher.iter(|| black_box(&work).run()));
    }
    group.finish();
    criterion.final_summary();
}
