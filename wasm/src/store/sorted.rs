//! A map as a sorted vector. Keys here are given in rising order, so that inserting is appending; and it is a few hundred octets of
//! wasm per type where a `BTreeMap` is several thousand.

/// Values by key, in the order of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted(Vec::new())
    }
}

impl<K: Ord + Copy, V> Sorted<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: K) -> Option<&V> {
        self.place(key).ok().and_then(|place| self.0.get(place)).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.place(key).ok().and_then(|place| self.0.get_mut(place)).map(|(_, value)| value)
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(key) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.1 = value;
                }
            }
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// Keeps the values whose key passes.
    pub fn retain(&mut self, keep: impl Fn(K) -> bool) {
        self.0.retain(|(key, _)| keep(*key));
    }

    /// The values, in the order of keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The keys, rising.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.0.iter().map(|(key, _)| *key)
    }

    /// The key at a place in that order.
    pub fn key_at(&self, place: usize) -> Option<K> {
        self.0.get(place).map(|(key, _)| *key)
    }

    /// The highest key.
    pub fn last_key(&self) -> Option<K> {
        self.0.last().map(|(key, _)| *key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, key: K) -> Result<usize, usize> {
        // The common case first: what is new comes behind what is old.
        match self.0.last() {
            Some((last, _)) if *last < key => Err(self.0.len()),
            _ => self.0.binary_search_by(|(other, _)| other.cmp(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_as_a_map() {
        let mut sorted = Sorted::default();
        for key in [5, 1, 9, 3, 9] {
            sorted.insert(key, key * 10);
        }
        sorted.insert(3, 33);
        assert_eq!(sorted.values().copied().collect::<Vec<_>>(), [10, 33, 50, 90]);
        assert_eq!((sorted.get(3), sorted.get(4), sorted.last_key(), sorted.len()), (Some(&33), None, Some(9), 4));
        *sorted.get_mut(1).unwrap() = 11;
        sorted.retain(|key| key < 9);
        assert_eq!(sorted.values().copied().collect::<Vec<_>>(), [11, 33, 50]);
        assert!(!sorted.is_empty());
    }
}
