"""Getting recordings and knowing what one has: download, the mono store, and the doctor that examines a folder."""
