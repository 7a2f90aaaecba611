//! Sorting and joining, once for all: each kind of its own is kilobytes of wasm.

use core::cmp::Ordering;

/// A line of a listing, or a row of the table, by its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Line(usize),
    Row(usize),
}

/// Tells `each` of the lines that have a key in common, together with the rows that have it as well.
pub(super) fn join(
    lines: &[usize],
    rows: &[usize],
    order: &dyn Fn(Item, Item) -> Ordering,
    each: &mut dyn FnMut(&[usize], &[usize]),
) {
    let (mut lines, mut rows) = (lines.to_vec(), rows.to_vec());
    merge_sort(&mut lines, &|a, b| order(Item::Line(a), Item::Line(b)));
    merge_sort(&mut rows, &|a, b| order(Item::Row(a), Item::Row(b)));
    let mut rest = rows.as_slice();
    for same in lines.chunk_by(|a, b| order(Item::Line(*a), Item::Line(*b)).is_eq()) {
        let Some(line) = same.first().map(|line| Item::Line(*line)) else { continue };
        let smaller = rest.partition_point(|row| order(Item::Row(*row), line).is_lt());
        rest = rest.get(smaller..).unwrap_or_default();
        let (equal, greater) = rest.split_at(rest.partition_point(|row| order(Item::Row(*row), line).is_eq()));
        rest = greater;
        each(same, equal);
    }
}

/// The places `0..count` in an order.
pub(in crate::sync) fn sorted(count: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    merge_sort(&mut places, order);
    places
}

/// Stable. The standard library's sorts are 5 kB of wasm.
fn merge_sort(places: &mut [usize], order: &dyn Fn(usize, usize) -> Ordering) {
    let (left, right) = places.split_at_mut(places.len() / 2);
    if left.is_empty() {
        return;
    }
    merge_sort(left, order);
    merge_sort(right, order);
    let old = [&*left, &*right].concat();
    let (mut a, mut b) = old.split_at(left.len());
    for place in places {
        let next = match (a.split_first(), b.split_first()) {
            (Some((x, _)), Some((y, rest))) if order(*y, *x).is_lt() => {
                b = rest;
                *y
            }
            (Some((x, rest)), _) => {
                a = rest;
                *x
            }
            (None, Some((y, rest))) => {
                b = rest;
                *y
            }
            (None, None) => return,
        };
        *place = next;
    }
}
