"""The servers of the lab's cloud. Each module makes the Services of one part out of a Site."""
