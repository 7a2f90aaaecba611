//! Builds what a browser loads.
