"""Motion capture of one's own as a prior of 3D poses: names of joints, what no person does, and onto the body."""
